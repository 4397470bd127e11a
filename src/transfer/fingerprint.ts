import type { Sha256 } from './sha256.js';
import { STATE_BYTES } from './sha256.js';

/**
 * By what a dump is known again that is not even listed: as much as a chunk has. Its first bytes say when it was made, where
 * and how long it is.
 */
export const BEGINNING_BYTES = 4096;

const DIGEST_BYTES = 32;

// Where things lie in the memory. Positions are byte offsets in the dump. Without a state there is the digest alone, which
// another process handed over: a pass from the beginning has to bring all that is known before it can be gone on with.
const [KNOWN, CHECKED, LENGTH] = [0, 1, 2];
// Writes are counted when they begin and when they end: while one is under way the number is odd.
const [WRITES, HAS_BEGINNING, HAS_NO_STATE] = [6, 7, 8];
const BEGINNING_AT = 40;
const DIGEST_AT = BEGINNING_AT + DIGEST_BYTES;
const KNOWN_STATE_AT = DIGEST_AT + DIGEST_BYTES;
const CHECKED_STATE_AT = KNOWN_STATE_AT + STATE_BYTES;
const MEMORY_BYTES = CHECKED_STATE_AT + STATE_BYTES;

/** No pass from the beginning is being compared. */
const NOTHING = -1;

/** Memory for what is remembered of one dump, whichever thread has its pass. It holds no byte of the dump. */
export function fingerprintMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(MEMORY_BYTES);
}

/**
 * What is known of a dump's bytes without any of them, for another process to know the dump again. Digests are SHA-256, in
 * hex.
 */
export interface KnownBytes {
  /** How far passes have got from the first byte on, without a gap. */
  readonly length: number;
  /** Of these bytes. */
  readonly digest: string;
  /** Of the first `BEGINNING_BYTES` of them, where there are as many. */
  readonly beginning: string | undefined;
  /** The dump has no more bytes. */
  readonly isWhole: boolean;
}

/** How often it is tried to read what a thread may be writing, and how long it is waited in between. */
const MOST_LOOKS = 20;
const LOOK_MS = 1;

/** Undefined: nothing is known, or a thread is writing all the time. */
export function knownBytesIn(memory: SharedArrayBuffer, sha256: Sha256): KnownBytes | undefined {
  const flags = new Int32Array(memory, 0, BEGINNING_AT / 4);
  for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
    const writes = Atomics.load(flags, WRITES);
    const known = knownNow(memory, sha256);
    if (writes % 2 === 0 && Atomics.load(flags, WRITES) === writes) return known;
    Atomics.wait(flags, WRITES, writes, LOOK_MS);
  }
  return undefined;
}

function knownNow(memory: SharedArrayBuffer, sha256: Sha256): KnownBytes | undefined {
  const positions = new Float64Array(memory, 0, 3);
  const flags = new Int32Array(memory, 0, BEGINNING_AT / 4);
  const length = positions[KNOWN] ?? 0;
  if (length === 0) return undefined;
  const isWhole = positions[LENGTH] === length;
  const hasDigest = isWhole || flags[HAS_NO_STATE] === 1;
  // The state of the hash may end in bytes of the dump: they stay here.
  const digest = hasDigest
    ? new Uint8Array(memory, DIGEST_AT, DIGEST_BYTES)
    : sha256.digest(new Uint8Array(memory, KNOWN_STATE_AT, STATE_BYTES));
  const beginning =
    flags[HAS_BEGINNING] === 1 ? new Uint8Array(memory, BEGINNING_AT, DIGEST_BYTES) : undefined;
  return { length, digest: hexOf(digest), beginning: beginning && hexOf(beginning), isWhole };
}

/** The same for what another process has handed over. */
export function fingerprintOf({ length, digest, beginning, isWhole }: KnownBytes): SharedArrayBuffer {
  const memory = fingerprintMemory();
  const positions = new Float64Array(memory, 0, 3);
  const flags = new Int32Array(memory, 0, BEGINNING_AT / 4);
  positions[KNOWN] = length;
  positions[CHECKED] = NOTHING;
  positions[LENGTH] = isWhole ? length : 0;
  new Uint8Array(memory, DIGEST_AT, DIGEST_BYTES).set(Buffer.from(digest, 'hex'));
  flags[HAS_NO_STATE] = 1;
  if (beginning === undefined) return memory;
  new Uint8Array(memory, BEGINNING_AT, DIGEST_BYTES).set(Buffer.from(beginning, 'hex'));
  flags[HAS_BEGINNING] = 1;
  return memory;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** SHA-256 of a dump of `length` bytes, where passes have delivered all of it without a gap. */
export function sha256In(memory: SharedArrayBuffer, length: number): Buffer | undefined {
  if (new Float64Array(memory, 0, 3)[LENGTH] !== length || length === 0) return undefined;
  return Buffer.from(new Uint8Array(memory, DIGEST_AT, DIGEST_BYTES));
}

/**
 * What passes have delivered of a dump, by its SHA-256: from the first byte on as far as there is no gap. A pass that begins
 * at the beginning again is compared with that, at the end of the first chunk and where the last one had got to. So the
 * bytes of two dumps that have had the same tag never end up in one file.
 *
 * Used by one thread at a time.
 */
export class Fingerprint {
  readonly #sha256: Sha256;
  readonly #memory: SharedArrayBuffer;
  readonly #positions: Float64Array;
  readonly #flags: Int32Array;
  readonly #knownState: Uint8Array;
  readonly #checkedState: Uint8Array;

  /** @param memory made by `fingerprintMemory` */
  constructor(memory: SharedArrayBuffer, sha256: Sha256) {
    this.#sha256 = sha256;
    this.#memory = memory;
    this.#positions = new Float64Array(memory, 0, 3);
    this.#flags = new Int32Array(memory, 0, BEGINNING_AT / 4);
    this.#knownState = new Uint8Array(memory, KNOWN_STATE_AT, STATE_BYTES);
    this.#checkedState = new Uint8Array(memory, CHECKED_STATE_AT, STATE_BYTES);
  }

  /** A pass begins. */
  begin(offset: number): void {
    // A thread that died while it wrote has left nothing that could be gone on with.
    if ((this.#flags[WRITES] ?? 0) % 2 !== 0) new Uint8Array(this.#memory).fill(0);
    this.#checked = NOTHING;
    if (offset > 0) return;
    if (this.#known > 0) this.#checked = 0;
    this.#sha256.begin(this.#known > 0 ? this.#checkedState : this.#knownState);
  }

  /** How much of a pass from the beginning is compared with the beginning. */
  get beginningBytes(): number {
    return Math.min(BEGINNING_BYTES, this.#known);
  }

  /**
   * Takes in what a call has brought.
   * @returns false: what earlier passes delivered was another dump
   */
  add(offset: number, bytes: Uint8Array): boolean {
    Atomics.add(this.#flags, WRITES, 1);
    const agrees = this.#compare(bytes);
    const overlap = Math.max(0, this.#known - offset);
    // Behind a gap nothing can be said before another pass has filled it.
    const mayLearn = agrees && offset <= this.#known && this.#flags[HAS_NO_STATE] === 0;
    if (mayLearn && overlap < bytes.length) this.#learn(bytes.subarray(overlap));
    Atomics.add(this.#flags, WRITES, 1);
    return agrees;
  }

  /**
   * A pass has ended at `length`.
   * @returns false: earlier ones delivered more
   */
  end(length: number): boolean {
    if (this.#checked !== NOTHING) return false;
    if (this.#known === length && this.#flags[HAS_NO_STATE] === 0) {
      Atomics.add(this.#flags, WRITES, 1);
      new Uint8Array(this.#memory, DIGEST_AT, DIGEST_BYTES).set(this.#sha256.digest(this.#knownState));
      this.#positions[LENGTH] = length;
      Atomics.add(this.#flags, WRITES, 1);
    }
    return true;
  }

  #compare(bytes: Uint8Array): boolean {
    for (let rest = bytes; rest.length > 0 && this.#checked !== NOTHING;) {
      const isBeginning = this.#checked < BEGINNING_BYTES && this.#flags[HAS_BEGINNING] === 1;
      const mark = isBeginning ? BEGINNING_BYTES : this.#known;
      const piece = rest.subarray(0, mark - this.#checked);
      this.#sha256.add(this.#checkedState, piece);
      this.#checked += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#checked < mark) continue;
      const wanted = isBeginning ? this.#beginning : this.#knownDigest;
      if (Buffer.compare(this.#sha256.digest(this.#checkedState), wanted) !== 0) return false;
      if (this.#checked === this.#known) this.#agree();
    }
    return true;
  }

  /** The pass has delivered all that is known. */
  #agree(): void {
    this.#checked = NOTHING;
    this.#knownState.set(this.#checkedState);
    this.#flags[HAS_NO_STATE] = 0;
  }

  #learn(bytes: Uint8Array): void {
    const begun = bytes.subarray(0, Math.max(0, BEGINNING_BYTES - this.#known));
    if (begun.length > 0) {
      this.#take(begun);
      if (this.#known === BEGINNING_BYTES) {
        this.#beginning.set(this.#sha256.digest(this.#knownState));
        this.#flags[HAS_BEGINNING] = 1;
      }
    }
    this.#take(bytes.subarray(begun.length));
  }

  #take(bytes: Uint8Array): void {
    this.#sha256.add(this.#knownState, bytes);
    this.#positions[KNOWN] = this.#known + bytes.length;
  }

  get #beginning(): Uint8Array {
    return new Uint8Array(this.#memory, BEGINNING_AT, DIGEST_BYTES);
  }

  get #knownDigest(): Uint8Array {
    if (this.#flags[HAS_NO_STATE] === 1) return new Uint8Array(this.#memory, DIGEST_AT, DIGEST_BYTES);
    return this.#sha256.digest(this.#knownState);
  }

  /** Where what is known without a gap ends. */
  get #known(): number {
    return this.#positions[KNOWN] ?? 0;
  }

  /** How far the present pass was compared; `NOTHING`: no further comparison is needed. */
  get #checked(): number {
    return this.#positions[CHECKED] ?? NOTHING;
  }

  set #checked(position: number) {
    this.#positions[CHECKED] = position;
  }
}
