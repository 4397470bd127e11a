import type { DumpTag } from '../base/tag.js';
import type { DriverSpec, PassState, SourceErrorData } from '../source/index.js';
import type { StartPoint } from './resume-points.js';

/** Where a pass stands between two commands: any hand can carry it on from here. Structured-cloneable. */
export interface Standing {
  /** Byte of the dump that comes next. */
  readonly offset: number;
  readonly state: PassState;
  /** Bytes of the pass's `bounce` that were fetched and have no block yet. */
  readonly carried: { readonly from: number; readonly bytes: number };
  /** Firmware said that everything has been handed over. */
  readonly isHandedOver: boolean;
}

/** A pass as a hand has to know it that does not hold it yet. */
export interface PassWork {
  readonly tag: DumpTag;
  /** What `DumpSource.detail(tag)` returned. */
  readonly detail: unknown;
  /** Where it begins, or where it stands. */
  readonly at: { readonly begin: StartPoint } | { readonly standing: Standing };
  /** For chunks that do not fit into what is left of a block. Belongs to the pass: what lies there has to be kept. */
  readonly bounce: SharedArrayBuffer;
  /** What the pass delivers is compared with. */
  readonly fingerprint: SharedArrayBuffer;
}

/** A pass that is over: whoever gets this closes it. */
export interface EndedPass extends PassWork {
  readonly at: { readonly standing: Standing };
}

/**
 * What the main thread asks of a hand, a thread that makes firmware calls. Commands are carried out in order, one at a
 * time, and each names its pass.
 */
export type Command =
  /**
   * Reads on to the end of the last block, or until `stopAt` is reached. `slots[0]` belongs to the block in which the pass
   * stands; `NO_SLOT` means: read past it.
   */
  | {
      readonly op: 'fill';
      readonly pass: number;
      /** Absent: the hand holds the pass since the last command. */
      readonly work?: PassWork | undefined;
      /** To be closed before anything is opened. */
      readonly ended: readonly EndedPass[];
      readonly firstBlock: number;
      readonly slots: readonly number[];
      readonly stopAt: number;
    }
  /** `compares`: first reads the beginning of a new pass, which has to be that of what was delivered. */
  | {
      readonly op: 'invalidate';
      readonly compares?: boolean;
      readonly pass: number;
      readonly work?: PassWork | undefined;
      readonly ended: readonly EndedPass[];
    }
  /** Only compares. */
  | {
      readonly op: 'compare';
      readonly pass: number;
      readonly work?: PassWork | undefined;
      readonly ended: readonly EndedPass[];
    }
  | { readonly op: 'close'; readonly pass: number; readonly ended: readonly EndedPass[] };

/** What a hand says before any event: everything is loaded. */
export const READY = { op: 'ready' } as const;

/** What a hand says. Of a pass that is not the present one only the slots count, which come back. */
export type HandEvent =
  /** The position passed `Control.wakeAt`. */
  | { readonly op: 'progress'; readonly pass: number }
  /** A fill ended: its blocks are filled up to where the pass stands. */
  | {
      readonly op: 'filled';
      readonly pass: number;
      /** Undefined: the pass could not be opened. */
      readonly standing: Standing | undefined;
      readonly points: readonly StartPoint[];
      /** Firmware said that the dump ends here. */
      readonly isEnd: boolean;
      /** Why a call failed; the pass stands where it stood before that call. */
      readonly error?: SourceErrorData | undefined;
    }
  /** The answer to `compare` as well. */
  | {
      readonly op: 'invalidated';
      readonly pass: number;
      /** Undefined: the pass could not be opened. */
      readonly standing: Standing | undefined;
      readonly error?: SourceErrorData | undefined;
    }
  /** What was to be closed before anything else is closed. */
  | { readonly op: 'released'; readonly pass: number }
  | { readonly op: 'closed'; readonly pass: number };

export interface HandData {
  readonly driver: DriverSpec;
  readonly slabs: readonly SharedArrayBuffer[];
  readonly control: SharedArrayBuffer;
  /** Of `FirmwareCells`. */
  readonly tally: SharedArrayBuffer;
}

const POSITION = 0;
const WAKE_AT = 1;
// In 32-bit words, behind the two 64-bit ones.
const WANTED = 4;
const RUNNING = 5;
const CALLS = 6;
const CONTROL_BYTES = 32;

const NEVER = 0x7fff_ffff_ffff_ffffn;
/** No pass has this number. */
export const NO_PASS = 0;

/** The few words that both sides touch while a fill runs. */
export class Control {
  readonly buffer: SharedArrayBuffer;
  readonly #words: BigInt64Array;
  readonly #cells: Int32Array;

  /** @param buffer the one of the other side; absent: this side makes it */
  constructor(buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(CONTROL_BYTES);
    this.#words = new BigInt64Array(this.buffer, 0, 2);
    this.#cells = new Int32Array(this.buffer);
    if (buffer === undefined) this.wakeAt(undefined);
  }

  // --- the main thread ---

  /** Fills of any other pass are skipped; one that runs ends after its current call. */
  want(pass: number): void {
    Atomics.store(this.#cells, WANTED, pass);
  }

  /** Offset up to which `pass` has handed over bytes; undefined: the hand is not at it. */
  positionOf(pass: number): number | undefined {
    if (Atomics.load(this.#cells, RUNNING) !== pass) return undefined;
    const position = Number(Atomics.load(this.#words, POSITION));
    return Atomics.load(this.#cells, RUNNING) === pass ? position : undefined;
  }

  /** Asks for one `progress` event once the position reaches `offset`; undefined: none wanted. */
  wakeAt(offset: number | undefined): void {
    Atomics.store(this.#words, WAKE_AT, offset === undefined ? NEVER : BigInt(offset));
  }

  /** Changes with every firmware call that came back. */
  get calls(): number {
    return Atomics.load(this.#cells, CALLS);
  }

  // --- the hand ---

  isWanted(pass: number): boolean {
    return Atomics.load(this.#cells, WANTED) === pass;
  }

  /** From now on `position` is that of `pass`. */
  begin(pass: number, offset: number): void {
    Atomics.store(this.#cells, RUNNING, NO_PASS);
    Atomics.store(this.#words, POSITION, BigInt(offset));
    Atomics.store(this.#cells, RUNNING, pass);
  }

  countCall(): void {
    Atomics.add(this.#cells, CALLS, 1);
  }

  /**
   * Once for each firmware call, so it makes one BigInt and no more.
   * @returns true once per `wakeAt`, when `offset` has reached it
   */
  moveTo(offset: number): boolean {
    const position = BigInt(offset);
    Atomics.store(this.#words, POSITION, position);
    if (position < Atomics.load(this.#words, WAKE_AT)) return false;
    Atomics.store(this.#words, WAKE_AT, NEVER);
    return true;
  }
}
