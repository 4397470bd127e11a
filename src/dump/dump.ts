import type { Announcement } from '../base/announcement.js';
import { FsError } from '../base/errno.js';
import { Listeners } from '../base/listeners.js';
import type { Logger } from '../base/log.js';
import type { PinnedBytes } from '../base/pinned-bytes.js';
import { RepeatedLine } from '../base/repeated-line.js';
import type { DumpTag } from '../base/tag.js';
import { dumpType, tagName } from '../base/tag.js';
import type { SourceErrorData } from '../source/index.js';
import type { Block } from '../memory/index.js';
import { BLOCK_BYTES, BlockOwner, MAX_READ_BYTES, PinnedRange } from '../memory/index.js';
import type { Progress, TransferOwner, TransferParts } from '../transfer/index.js';
import { Transfer } from '../transfer/index.js';
import { Coverage } from './coverage.js';
import type { HandedDump } from './handed-dump.js';
import { handedEdges } from './handed-dump.js';
import type { DumpDirectory } from './header.js';
import { readDirectory } from './header.js';

/** Where the shown size comes from. `measured`: from reading the dump through, or corrected by doing so. */
export type SizeOrigin = 'source' | 'announced' | 'directory' | 'measured';

export interface DumpSize {
  readonly bytes: number;
  readonly origin: SizeOrigin;
  /** True: nothing can correct it any more. */
  readonly exact: boolean;
}

export type DumpState = 'new' | 'reading' | 'complete' | 'failed' | 'removing' | 'gone';

/** `mixed`: another dump has the tag, and what was fetched may be of both; `replaced`: nothing of it was taken in. */
export type LostReason = 'gone' | 'not-authorized' | 'replaced' | 'mixed' | 'locked';

export type DumpEvent =
  /** The size that was shown is out of date. */
  | { readonly kind: 'size'; readonly dump: Dump }
  /** The dump cannot be read any more. */
  | { readonly kind: 'lost'; readonly dump: Dump; readonly why: LostReason };

/** A reader this close to the expected end is about to cross it: it is worth asking firmware first. */
const NEAR_END_BYTES = 4 * 1024 * 1024;

const NOTHING_YET: Progress = { highWater: 0, end: undefined };

export type DumpParts = Omit<TransferParts, 'blocks'> & { readonly log: Logger };

/** One incarnation of a dump: random access, an exact size, and the proof of what readers have got. */
export class Dump implements TransferOwner {
  readonly tag: DumpTag;
  readonly type: string;
  /** Unique among all dumps of this process, also when a tag comes back. */
  readonly serial: number;
  /** When the dump was announced or first seen, milliseconds since the epoch. */
  readonly announcedAtMs: number;
  /** The source's own mark of this incarnation; absent for a tag that the source has not listed. */
  sourceIncarnation: string | undefined;
  readonly events = new Listeners<DumpEvent>();
  readonly #parts: DumpParts;
  readonly #blocks = new BlockOwner();
  readonly #coverage = new Coverage();
  /** Made when firmware is first asked: most of ten thousand dumps never are. */
  #transfer: Transfer | undefined;
  #expected: DumpSize | undefined;
  /** Only old knowledge says that the dump is there. */
  #isRemembered: boolean;
  /** Firmware has handed over some of it. */
  #isConfirmed = false;
  #directory: DumpDirectory | undefined;
  #lost: { readonly why: LostReason; readonly error: FsError } | undefined;
  #failed = false;
  readonly #failures: RepeatedLine;
  #openHandles = 0;
  #newestEventMs: number;
  /** How far its removal has come. `accepted`: firmware is told when the last handle is closed. `told`: it is under way. */
  removal: 'none' | 'accepted' | 'told' = 'none';
  /** A copy of it is known to be on disk. */
  isSaved = false;

  constructor(serial: number, announcement: Announcement, parts: DumpParts) {
    this.tag = announcement.tag;
    this.type = dumpType(announcement.tag);
    this.serial = serial;
    this.announcedAtMs = announcement.announcedAtMs ?? Date.now();
    this.sourceIncarnation = announcement.incarnation;
    this.#newestEventMs = this.announcedAtMs;
    this.#parts = parts;
    this.#failures = new RepeatedLine(parts.log.warn);
    this.#expected = announcedSize(announcement);
    this.#isRemembered = announcement.isRemembered === true;
  }

  /**
   * Goes on where another process was: what readers received counts as far as it can be told by firmware's bytes that this
   * is the same dump.
   */
  inherit({ known, delivered, size, isSaved }: HandedDump): void {
    // A source that lists says again how long the dump is, which may be another one.
    const isSaidAgain = size?.origin === 'source' || (this.#parts.source.lists && known === undefined);
    if (size !== undefined && !isSaidAgain) this.#expected = { ...size, exact: false };
    if (known === undefined) return;
    this.#transfer = new Transfer(this, { ...this.#parts, blocks: this.#blocks }, known);
    for (let at = 0; at < delivered.length; at += 2)
      this.#coverage.add(delivered[at] ?? 0, Math.min(delivered[at + 1] ?? 0, known.length));
    this.isSaved = isSaved && this.isDelivered;
  }

  /** What another process needs to go on. @param isUnlinked it was unlinked while open, and firmware has not been told */
  handOver(isUnlinked: boolean): HandedDump {
    const { serial, tag, announcedAtMs, size, isSaved } = this;
    // In this order: what is delivered after the look is not among what is known of the dump.
    const delivered = handedEdges(this.#coverage.edges);
    return {
      serial,
      tag,
      announcedAtMs,
      size,
      known: this.#transfer?.knownBytes,
      delivered,
      isSaved,
      isUnlinked,
      lost: this.lost,
    };
  }

  /** The source announces what was known by hand or by a probe only. */
  adopt(announcement: Announcement): void {
    this.sourceIncarnation = announcement.incarnation;
    this.#isRemembered = false;
    this.#expected ??= announcedSize(announcement);
  }

  /** SHA-256 of the bytes that firmware delivered, in hex digits; undefined: not known. */
  get sha256(): string | undefined {
    return this.#transfer?.sha256?.toString('hex');
  }

  /** All of it was fetched once. */
  get isTransferred(): boolean {
    return this.#progress.end !== undefined;
  }

  /** An event that is later than all that is known of this dump: another one may have taken the tag. */
  isNews({ announcedAtMs = -Infinity, isRemembered = false }: Announcement): boolean {
    return !isRemembered && announcedAtMs > this.#newestEventMs;
  }

  /** Whatever handle is open proves nothing from now on. */
  doubt(): void {
    this.#transfer?.doubt();
  }

  /** That announcement was about this dump. */
  settle({ announcedAtMs = -Infinity }: Announcement): void {
    this.#newestEventMs = Math.max(this.#newestEventMs, announcedAtMs);
  }

  /** Announced again. A later size counts, unless firmware or the dump itself has said better. */
  hear({ size = 0, isRemembered = false }: Announcement): void {
    // Old knowledge corrects nothing but old knowledge.
    if (isRemembered && !this.#isRemembered) return;
    this.#isRemembered &&= isRemembered;
    const { end, highWater } = this.#progress;
    const isOpen = end === undefined && (this.#expected?.origin ?? 'announced') === 'announced';
    if (!isOpen || size === 0 || size < highWater || size === this.#expected?.bytes) return;
    this.#expected = { bytes: size, origin: 'announced', exact: false };
    this.events.emit({ kind: 'size', dump: this });
  }

  // --- what is known without asking firmware ---

  /** Undefined: only `measure` can tell. */
  get size(): DumpSize | undefined {
    const { end } = this.#progress;
    // Whoever trusted the size of a dump that is gone would take its first read for a short copy.
    if (this.#isRemembered && !this.#isConfirmed) return undefined;
    if (end === undefined) return this.#expected;
    const origin = this.#expected?.bytes === end ? this.#expected.origin : 'measured';
    return { bytes: end, origin, exact: true };
  }

  /** The size worth remembering for later, also while it is not shown. */
  get likelyBytes(): number | undefined {
    return this.#progress.end ?? this.#expected?.bytes;
  }

  /** Bytes that readers have received so far. */
  get delivered(): number {
    return this.#coverage.total;
  }

  /** Every byte was delivered to readers at least once, and firmware said that there are no more. */
  get isDelivered(): boolean {
    return this.#coverage.covers(this.#progress.end ?? Infinity);
  }

  get state(): DumpState {
    if (this.#lost !== undefined) return 'gone';
    if (this.removal !== 'none') return 'removing';
    if (this.isDelivered) return 'complete';
    if (this.#failed) return 'failed';
    return this.#progress.highWater > 0 ? 'reading' : 'new';
  }

  /** Name that the dump suggests, when its beginning has been fetched already. */
  get knownName(): string | undefined {
    return this.#directory?.name;
  }

  /** Firmware has handed over some of the dump. */
  get isConfirmed(): boolean {
    return this.#isConfirmed;
  }

  get lost(): LostReason | undefined {
    return this.#lost?.why;
  }

  get openHandles(): number {
    return this.#openHandles;
  }

  addHandle(): void {
    this.#openHandles += 1;
  }

  dropHandle(): void {
    this.#openHandles -= 1;
    if (this.#openHandles === 0) this.#transfer?.stopReadAhead();
  }

  // --- what may need firmware ---

  /**
   * The exact size as far as anybody can know it now: announced, from the dump's directory, or measured by reading
   * the dump through. Waits only where `size` is undefined.
   */
  async measure(signal: AbortSignal): Promise<DumpSize> {
    if (this.size === undefined && this.#directory === undefined) await this.readDirectory(signal);
    while (this.size === undefined) await this.#wait({ start: 0, end: 0, until: Infinity }, signal);
    return this.size;
  }

  /** The directory in the dump's first bytes; `{}` when it has none. */
  async readDirectory(signal: AbortSignal): Promise<DumpDirectory> {
    let bytes = 1;
    while (this.#directory === undefined) {
      using head = await this.#fetch(0, bytes, signal);
      const copy = joined(head);
      const reading = readDirectory(copy);
      copy.fill(0);
      if (reading.kind === 'directory') this.#learn(reading.directory);
      else if (reading.kind === 'none') this.#learn({});
      else if (head.length >= bytes) bytes = reading.bytes;
      else this.#learn(reading.soFar ?? {});
    }
    return this.#directory;
  }

  /**
   * Waits for firmware's word on a size that is not exact yet, when the transfer has come close to it.
   * Then `size` is true, or unknown because more follows.
   */
  async confirmSize(signal: AbortSignal): Promise<void> {
    const { size } = this;
    if (size === undefined || size.exact) return;
    if (this.#progress.highWater < size.bytes - NEAR_END_BYTES) return;
    await this.#wait({ start: 0, end: 0, until: size.bytes + 1 }, signal);
  }

  /** True when firmware handed over more than `bytes`: whoever was told that the dump ends there is wrong. */
  exceeds(bytes: number): boolean {
    return this.#progress.highWater > bytes;
  }

  /** Makes sure, with one firmware call, that there is such a dump. @throws FsError ESTALE: there is none */
  async confirm(signal: AbortSignal): Promise<void> {
    (await this.#fetch(0, 1, signal))[Symbol.dispose]();
  }

  /**
   * Bytes [offset, offset + length), shorter only at the true end of the dump.
   *
   * @param knownEnd the size that this reader was told: if the range reaches it, firmware's word is awaited whether
   *   it is true
   * @throws FsError EIO, EPERM, EBUSY, ESTALE, EINTR
   */
  read(
    offset: number,
    length: number,
    knownEnd: number | undefined,
    signal: () => AbortSignal,
  ): PinnedBytes | Promise<PinnedBytes> {
    if (length > MAX_READ_BYTES)
      throw new FsError('EINVAL', `read of ${length} bytes is longer than a request may be`);
    const progress = this.#progress;
    const until = knownEnd !== undefined && offset + length >= knownEnd ? knownEnd + 1 : 0;
    const confirmed = progress.end !== undefined || progress.highWater >= until;
    const end = Math.min(offset + length, progress.end ?? Infinity);
    const cached = confirmed ? this.#cached(offset, end) : undefined;
    if (this.#lost === undefined) this.#running.follow(offset, offset + length, cached !== undefined);
    return cached ?? this.#fetch(offset, length, signal(), until);
  }

  /**
   * Tells firmware to forget the dump. Irreversible. Callers have made sure that they may.
   * @throws FsError EIO, EPERM, EBUSY, ESTALE
   */
  invalidate(isForced = false): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost.error;
    return this.#running.invalidate(isForced);
  }

  /**
   * Asks firmware, with one call, whether it still holds this dump under the tag. Another one there: this one is lost.
   * @throws FsError firmware could not say
   */
  async compare(): Promise<void> {
    if (this.#lost === undefined) await this.#transfer?.compare();
  }

  /** Takes an invalidation back. False: firmware has been told. */
  cancelInvalidate(): boolean {
    return this.#transfer?.cancelInvalidate() ?? true;
  }

  /**
   * The dump is not there any more, or must not be. Cached bytes stay for open handles unless the reason forbids it; at
   * lockdown the store overwrites them, together and a moment later.
   */
  lose(why: LostReason): void {
    if (this.#lost !== undefined && why !== 'locked') return;
    const error = lostError(why, this.tag);
    this.#lost = { why, error };
    this.#transfer?.stop(error, why === 'gone' || why === 'replaced');
    if (why === 'mixed' || why === 'not-authorized') this.forget();
    this.events.emit({ kind: 'lost', dump: this, why });
  }

  /** Overwrites what is cached of the dump, and everything learned from its bytes. */
  forget(): void {
    this.#parts.cache.dropAll(this.#blocks);
    this.#transfer?.forget();
    this.#coverage.clear();
    this.isSaved = false;
    this.#directory = undefined;
  }

  /** Once a second: gives unused firmware handles back, and what is kept for a transfer that brought nothing. */
  tick(): void {
    this.#transfer?.tick();
    const isUnused = this.#openHandles === 0 && this.delivered === 0 && this.#blocks.blocks.size === 0;
    if (isUnused && this.#transfer?.isForgettable === true) this.#transfer = undefined;
  }

  // --- TransferOwner ---

  onProgress(): void {
    const expected = this.#expected;
    const { end, highWater } = this.#progress;
    this.#failed = false;
    this.#failures.end();
    this.#isConfirmed = true;
    this.#lookAtBeginning();
    if (expected === undefined) return;
    const tooSmall = highWater > expected.bytes;
    if (!tooSmall && (end === undefined || end === expected.bytes)) return;
    this.#expected = undefined;
    this.#parts.log.warn('dump size was announced wrong: what firmware delivers counts', {
      tag: tagName(this.tag),
      expected: expected.bytes,
      origin: expected.origin,
      delivered: end ?? `more than ${expected.bytes}`,
    });
    this.events.emit({ kind: 'size', dump: this });
  }

  onLost(why: 'gone' | 'not-authorized' | 'replaced' | 'mixed'): void {
    this.#parts.log[why === 'gone' ? 'info' : 'warn'](LOST_MESSAGE[why], { tag: tagName(this.tag) });
    this.lose(why);
  }

  onFailure({ offset, error }: { readonly offset: number; readonly error: SourceErrorData }): void {
    this.#failed = true;
    const fields = {
      tag: tagName(this.tag),
      offset,
      sequence: error.sequence,
      status: error.status,
      reason: error.message,
    };
    // A reader that goes on over errors (dd conv=noerror) meets the same one with every page.
    this.#failures.say('firmware call failed', fields, `${offset} ${String(error.status)} ${error.message}`);
  }

  // --- inside ---

  get #progress(): Progress {
    return this.#transfer?.progress ?? NOTHING_YET;
  }

  get #running(): Transfer {
    this.#transfer ??= new Transfer(this, { ...this.#parts, blocks: this.#blocks });
    return this.#transfer;
  }

  #cached(start: number, end: number): PinnedBytes | undefined {
    const pinned: Block[] = [];
    for (let index = Math.floor(start / BLOCK_BYTES); index * BLOCK_BYTES < end; index += 1) {
      const block = this.#blocks.blocks.get(index);
      if (block === undefined || block.filled < Math.min(BLOCK_BYTES, end - index * BLOCK_BYTES))
        return undefined;
      pinned.push(block);
    }
    return this.#pin(pinned, start, end);
  }

  #pin(blocks: readonly Block[], start: number, end: number): PinnedBytes {
    for (const block of blocks) this.#parts.cache.pin(block);
    return new PinnedRange(this.#parts.cache, blocks, start, Math.max(start, end), this.#coverage);
  }

  async #fetch(start: number, length: number, signal: AbortSignal, until = 0): Promise<PinnedBytes> {
    const blocks = await this.#wait({ start, end: start + length, until }, signal);
    const end = Math.min(start + length, this.#progress.end ?? Infinity);
    return new PinnedRange(
      this.#parts.cache,
      [...blocks.values()].sort((a, b) => a.index - b.index),
      start,
      Math.max(start, end),
      this.#coverage,
    );
  }

  #wait(
    want: { start: number; end: number; until: number },
    signal: AbortSignal,
  ): Promise<Map<number, Block>> {
    const lost = this.#lost;
    // A dump that is merely gone stays with those who have it open, as far as it was fetched.
    const isHeld =
      lost?.why === 'gone' &&
      (want.until === 0 || this.#progress.end !== undefined) &&
      this.#running.holds(want.start, want.end);
    if (lost !== undefined && !isHeld) return Promise.reject(lost.error);
    return this.#running.wait(want, signal);
  }

  /** Learns what the dump says of itself from what was fetched of it anyway. */
  #lookAtBeginning(): void {
    const block = this.#blocks.blocks.get(0);
    if (this.#directory !== undefined || block === undefined) return;
    const reading = readDirectory(this.#parts.cache.arena.view(block.slot).subarray(0, block.filled));
    if (reading.kind === 'directory') this.#learn(reading.directory);
  }

  #learn(directory: DumpDirectory): void {
    this.#directory = directory;
    if (this.size !== undefined || directory.size === undefined) return;
    if (directory.size < this.#progress.highWater) return;
    this.#expected = { bytes: directory.size, origin: 'directory', exact: false };
  }
}

const LOST_MESSAGE = {
  gone: 'firmware no longer knows this dump',
  'not-authorized': 'the platform delivers this dump elsewhere: what was fetched of it is discarded',
  replaced: 'firmware holds another dump under this tag, which is listed as a new file',
  mixed: 'firmware delivers another dump under this tag: what was fetched of the old one is discarded',
} as const;

function lostError(why: LostReason, tag: DumpTag): FsError {
  const fields = { tag: tagName(tag) };
  if (why === 'locked')
    return new FsError('EPERM', 'dumps are hidden: kernel lockdown is at confidentiality');
  if (why === 'not-authorized')
    return new FsError('EPERM', 'not authorized: the platform delivers this dump elsewhere', {
      fields,
      severity: 'info',
    });
  return new FsError('ESTALE', 'the dump is gone from firmware', { fields, severity: 'info' });
}

function announcedSize({ size, sizeOrigin = 'announced' }: Announcement): DumpSize | undefined {
  // An announced 0 says nothing: a dump of no bytes is one that is not there.
  if (size === undefined || size === 0) return undefined;
  return { bytes: size, origin: sizeOrigin, exact: sizeOrigin === 'source' };
}

function joined(bytes: PinnedBytes): Uint8Array {
  const whole = new Uint8Array(bytes.length);
  let at = 0;
  for (const segment of bytes.segments) {
    whole.set(segment, at);
    at += segment.length;
  }
  return whole;
}
