import { BLOCK_BYTES, NO_SLOT } from '../memory/index.js';
import type { DumpCursor, DumpDriver, ResumePoint, SourceErrorData } from '../source/index.js';
import { MIN_READ_BYTES, SourceError } from '../source/index.js';
import type { Command, Control, EndedPass, HandEvent, PassWork, Standing } from './protocol.js';
import { Fingerprint } from './fingerprint.js';
import type { StartPoint } from './resume-points.js';
import type { Sha256 } from './sha256.js';

type Fill = Extract<Command, { op: 'fill' }>;

/** Up to here in a block a call's bytes fit into it, however many there are. */
const LAST_DIRECT = BLOCK_BYTES - MIN_READ_BYTES;

/** What a hand needs for every pass. */
export interface HandTools {
  readonly driver: DumpDriver;
  readonly views: readonly Uint8Array[];
  readonly control: Control;
  readonly emit: (event: HandEvent) => void;
  readonly sha256: Sha256;
}

/** One pass while a thread has it: turns fills into firmware calls, back to back, and places the bytes in the arena. */
class Pass {
  readonly number: number;
  readonly #tools: HandTools;
  readonly #cursor: DumpCursor;
  /** For chunks that do not fit into what is left of a block, and for bytes that nobody keeps. */
  readonly #bounce: Uint8Array;
  readonly #fingerprint: Fingerprint;
  #carried: { from: number; bytes: number };
  #offset: number;
  /** Where the fill under way ends. */
  #fillEnd = 0;
  /** Firmware said that everything has been handed over. */
  #isHandedOver: boolean;
  /** A call failed: what else was asked for is to be asked for again. */
  #hasFailed = false;
  #lastResume: StartPoint | undefined;
  #points: StartPoint[] = [];

  /** @throws SourceError the pass cannot be opened */
  constructor(number: number, { tag, detail, at, bounce, fingerprint }: PassWork, tools: HandTools) {
    this.number = number;
    this.#tools = tools;
    this.#bounce = new Uint8Array(bounce);
    this.#fingerprint = new Fingerprint(fingerprint, tools.sha256);
    if ('begin' in at) {
      const { resume, offset } = at.begin;
      this.#cursor = tools.driver.open(tag, resume, detail, offset);
      this.#offset = offset;
      this.#carried = { from: 0, bytes: 0 };
      this.#isHandedOver = false;
      this.#fingerprint.begin(offset);
    } else {
      const { offset, state, carried, isHandedOver } = at.standing;
      // Where a source asks for the position it means the call's: what is carried was fetched already.
      this.#cursor = tools.driver.carryOn(tag, state, detail, offset + carried.bytes);
      this.#offset = offset;
      this.#carried = { ...carried };
      this.#isHandedOver = isHandedOver;
    }
    tools.control.begin(number, this.#offset);
  }

  get standing(): Standing {
    return {
      offset: this.#offset,
      state: this.#cursor.state,
      carried: { ...this.#carried },
      isHandedOver: this.#isHandedOver,
    };
  }

  fill(fill: Fill): void {
    let error: SourceErrorData | undefined;
    this.#points = [];
    this.#fillEnd = Math.min((fill.firstBlock + fill.slots.length) * BLOCK_BYTES, fill.stopAt);
    try {
      while (this.#offset < this.#fillEnd && !this.#isEnded && !this.#hasFailed && this.#isWanted)
        this.#step(fill);
      if (this.#isEnded && !this.#hasFailed) this.#assertWhole();
    } catch (thrown) {
      this.#hasFailed = true;
      error = SourceError.from(thrown).data;
    }
    const { number: pass, standing } = this;
    const isEnd = this.#isEnded && error?.kind !== 'replaced';
    this.#tools.emit({ op: 'filled', pass, standing, points: this.#points, isEnd, error });
  }

  /**
   * Of a new pass: reads the beginning, no more.
   * @throws SourceError `replaced`, `gone`: it is not that of the dump; `interface`: nothing is known of the dump
   */
  compare(): void {
    const { beginningBytes } = this.#fingerprint;
    // Whatever firmware holds would agree with it.
    if (beginningBytes === 0)
      throw new SourceError({
        kind: 'interface',
        message: 'what was delivered cannot be compared any more: mount again and copy the dump again',
      });
    while (this.#offset < beginningBytes && !this.#isHandedOver) {
      const { bytes, done } = this.#cursor.read(this.#bounce);
      this.#tools.control.countCall();
      this.#takeIn(this.#bounce.subarray(0, bytes));
      this.#isHandedOver = done;
      this.#offset += bytes;
    }
    this.#bounce.fill(0);
    if (!this.#isHandedOver) return;
    if (this.#offset === 0)
      throw new SourceError({ kind: 'gone', message: 'firmware no longer knows this dump' });
    this.#assertWhole();
  }

  invalidate(): void {
    this.#cursor.invalidate();
  }

  close(): void {
    this.#cursor.close();
    this.#bounce.fill(0);
  }

  /** Another hand may have it. */
  leave(): void {
    this.#cursor.leave?.();
  }

  /** Before anybody may see the bytes. @throws SourceError they are another dump's */
  #takeIn(bytes: Uint8Array): void {
    if (!this.#fingerprint.add(this.#offset, bytes)) throw replaced();
  }

  /** A dump of no bytes is one that is gone. @throws SourceError earlier passes delivered more */
  #assertWhole(): void {
    if (this.#offset > 0 && !this.#fingerprint.end(this.#offset)) throw replaced();
  }

  get #isWanted(): boolean {
    return this.#tools.control.isWanted(this.number);
  }

  /** Everything has been handed over and placed: the offset is the dump's length. */
  get #isEnded(): boolean {
    return this.#isHandedOver && this.#carried.bytes === 0;
  }

  /** Makes firmware calls, one or as many as a block has room for, and places what did not fit into a block. */
  #step(fill: Fill): void {
    if (this.#carried.bytes === 0) this.#call(fill);
    this.#placeCarried(fill);
  }

  #call(fill: Fill): void {
    const block = Math.floor(this.#offset / BLOCK_BYTES);
    const view = this.#tools.views[fill.slots[block - fill.firstBlock] ?? NO_SLOT];
    if (view !== undefined && this.#offset % BLOCK_BYTES <= LAST_DIRECT) {
      this.#callInto(view, fill.stopAt);
      return;
    }
    const { bytes, done, resume } = this.#cursor.read(this.#bounce);
    this.#tools.control.countCall();
    this.#takeIn(this.#bounce.subarray(0, bytes));
    this.#isHandedOver = done;
    if (resume !== undefined) this.#noteResume(this.#offset + bytes, resume);
    this.#carried = { from: 0, bytes };
  }

  /**
   * Calls back to back, while whole chunks fit into the block that `view` shows. One loop rather than small pieces:
   * JavaScript that has not been compiled yet pays for each, and a dump of 32 MiB is through before the compiler is.
   */
  #callInto(view: Uint8Array, stopAt: number): void {
    let within = this.#offset % BLOCK_BYTES;
    do {
      const { bytes, done, resume } = this.#cursor.read(view.subarray(within));
      this.#tools.control.countCall();
      this.#takeIn(view.subarray(within, within + bytes));
      within += bytes;
      this.#isHandedOver = done;
      if (resume !== undefined) this.#noteResume(this.#offset + bytes, resume);
      this.#advance(bytes);
    } while (within <= LAST_DIRECT && this.#offset < stopAt && !this.#isHandedOver && this.#isWanted);
  }

  #placeCarried({ firstBlock, slots }: Fill): void {
    const end = (firstBlock + slots.length) * BLOCK_BYTES;
    while (this.#carried.bytes > 0 && this.#offset < end) {
      const block = Math.floor(this.#offset / BLOCK_BYTES);
      const within = this.#offset - block * BLOCK_BYTES;
      const { from, bytes } = this.#carried;
      const count = Math.min(bytes, BLOCK_BYTES - within);
      const slot = slots[block - firstBlock] ?? NO_SLOT;
      if (slot !== NO_SLOT) this.#tools.views[slot]?.set(this.#bounce.subarray(from, from + count), within);
      this.#carried = { from: from + count, bytes: bytes - count };
      this.#advance(count);
    }
  }

  #advance(bytes: number): void {
    this.#offset += bytes;
    const isAwaited = this.#tools.control.moveTo(this.#offset);
    // At its end the fill itself says where it stands.
    if (isAwaited && this.#offset < this.#fillEnd) this.#tools.emit({ op: 'progress', pass: this.number });
  }

  /** Keeps, for each block's start, the last sequence at or before it. */
  #noteResume(offset: number, resume: ResumePoint): void {
    const boundary = Math.floor(offset / BLOCK_BYTES) * BLOCK_BYTES;
    const previous = this.#lastResume;
    this.#lastResume = { offset, resume };
    if (offset === boundary) this.#points.push(this.#lastResume);
    else if (previous !== undefined && previous.offset < boundary) this.#points.push(previous);
  }
}

function replaced(): SourceError {
  return new SourceError({ kind: 'replaced', message: 'firmware holds another dump under this tag' });
}

/** What a hand does with its commands. It holds one pass at a time, and any other one can be put into its place. */
export class Hand implements Disposable {
  readonly #tools: HandTools;
  #held: Pass | undefined;

  constructor(tools: HandTools) {
    this.#tools = tools;
  }

  carryOut(command: Command): void {
    for (const ended of command.ended) this.#close(ended);
    const { op, pass } = command;
    if (op === 'close') {
      this.#tools.emit({ op: 'closed', pass });
      return;
    }
    // Others wait for that, and what comes next may take as long as firmware likes.
    if (command.ended.length > 0) this.#tools.emit({ op: 'released', pass });
    let error: SourceErrorData | undefined;
    try {
      const held = this.#take(pass, command.work);
      if (op === 'fill') {
        held.fill(command);
        return;
      }
      if (op === 'compare' || command.compares === true) held.compare();
      if (op === 'invalidate') held.invalidate();
    } catch (thrown) {
      error = SourceError.from(thrown).data;
    }
    const standing = this.#held?.number === pass ? this.#held.standing : undefined;
    if (op !== 'fill') this.#tools.emit({ op: 'invalidated', pass, standing, error });
    else this.#tools.emit({ op: 'filled', pass, standing: undefined, points: [], isEnd: false, error });
  }

  /** The thread ends: closes what it holds. */
  [Symbol.dispose](): void {
    this.#held?.close();
    this.#held = undefined;
  }

  #take(number: number, work: PassWork | undefined): Pass {
    if (this.#held?.number === number) return this.#held;
    this.#letGo();
    if (work === undefined) throw new Error(`pass ${number} is not in this hand`);
    this.#held = new Pass(number, work, this.#tools);
    return this.#held;
  }

  #letGo(): void {
    this.#held?.leave();
    this.#held = undefined;
  }

  /** What cannot be closed is closed for us: there is nobody to tell. */
  #close(ended: EndedPass): void {
    this.#letGo();
    try {
      const { driver } = this.#tools;
      const { offset, state } = ended.at.standing;
      driver.carryOn(ended.tag, state, ended.detail, offset).close();
    } catch {
      // A driver that fails here fails at the next call as well, and says why.
    }
    new Uint8Array(ended.bounce).fill(0);
  }
}
