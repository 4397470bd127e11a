import { createHash } from 'node:crypto';
import type { DumpCursor, DumpDriver, ResumePoint, SourceErrorData } from '../../source/index.js';
import { BEGINNING, MIN_READ_BYTES } from '../../source/index.js';
import type { DumpTag } from '../../base/tag.js';

/** What is known of a call's end: a word of ours, never what the dump says. */
type Outcome = 'continue' | 'complete' | SourceErrorData['kind'];

/** What was measured. Nothing of it is a byte, the tag or a name of the dump. */
export interface Measurement {
  readonly bytes: number;
  readonly calls: number;
  readonly seconds: number;
  /** How calls ended. */
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  /** "Continue" without a byte. */
  readonly emptyChunks: number;
  /** How many calls brought how many bytes; the rarest are left out. */
  readonly chunkSizes: readonly { readonly bytes: number; readonly calls: number }[];
  readonly longestCallUs: number;
  /** Calls that took less than `belowUs` and not less than the row before; a busy answer that was waited out is in here. */
  readonly durations: readonly { readonly belowUs: number | null; readonly calls: number }[];
  /** A second pass that is begun while the first one is open; `not tried` where that could disturb the first. */
  readonly secondStart: string;
  /** The first chunk of a new pass, after the first pass was read to its end. */
  readonly startAgain: string;
  /** A sequence that was given before, once more. */
  readonly oldSequence: string;
  /** Why the pass ended before the dump. */
  readonly failure?: { readonly kind: string; readonly status: number | null };
}

export interface MeasureParts {
  readonly driver: DumpDriver;
  readonly tag: DumpTag;
  readonly detail: unknown;
  readonly isResumable: boolean;
  /** Called before each call. @throws where dumps must not be read any more */
  readonly assertAllowed: () => void;
  /** Microseconds. */
  readonly nowUs: () => number;
}

const MOST_CHUNK_SIZES = 32;
/** 10 us to 100 s in steps of 1, 2, 5. */
const BOUNDS_US = Array.from(
  { length: 22 },
  (_, at) => ([1, 2, 5][at % 3] ?? 1) * 10 ** (1 + Math.floor(at / 3)),
);
/** The one whose sequence is given back. */
const REMEMBERED_CALL = 3;

const NOTHING_NEW = 'the same bytes';

interface Remembered {
  readonly at: ResumePoint;
  readonly offset: number;
  digest: string;
}

/** Reads a dump through once, and asks firmware some questions. Never invalidates. */
export function measurePass(parts: MeasureParts): Measurement {
  const { driver, tag, detail, nowUs, assertAllowed } = parts;
  const buffer = new Uint8Array(MIN_READ_BYTES);
  const counts = new Counts();
  let firstDigest = '';
  let old: Remembered | undefined;
  let next: { at: ResumePoint; offset: number } | undefined;
  let secondStart = 'not tried';
  let failure: Measurement['failure'];
  const began = nowUs();
  const cursor = driver.open(tag, BEGINNING, detail, 0);
  try {
    for (let isDone = false; !isDone;) {
      assertAllowed();
      const callBegan = nowUs();
      const { bytes, done, resume } = cursor.read(buffer);
      counts.add(done ? 'complete' : 'continue', nowUs() - callBegan, bytes);
      if (bytes > 0 && firstDigest === '') firstDigest = digestOf(buffer, bytes);
      if (next !== undefined && old === undefined && bytes > 0)
        old = { ...next, digest: digestOf(buffer, bytes) };
      next =
        resume === undefined || counts.calls < REMEMBERED_CALL
          ? undefined
          : { at: resume, offset: counts.bytes };
      if (counts.calls === REMEMBERED_CALL && !parts.isResumable) secondStart = startBeside(parts);
      isDone = done;
    }
  } catch (thrown) {
    const { kind, status } = sourceErrorOf(thrown);
    counts.fail(kind);
    failure = { kind, status: status ?? null };
  } finally {
    cursor.close();
    buffer.fill(0);
  }
  const seconds = (nowUs() - began) / 1e6;
  const isThrough = failure === undefined && counts.bytes > 0;
  return {
    bytes: counts.bytes,
    calls: counts.calls,
    seconds,
    ...counts.summary(),
    secondStart,
    startAgain: isThrough ? ask(parts, BEGINNING, 0, firstDigest) : 'not tried',
    oldSequence: oldSequence(parts, isThrough ? old : undefined),
    ...(failure === undefined ? {} : { failure }),
  };
}

function oldSequence(parts: MeasureParts, old: Remembered | undefined): string {
  if (!parts.isResumable) return 'the interface takes none';
  return old === undefined ? 'not tried' : ask(parts, old.at, old.offset, old.digest);
}

function startBeside({ driver, tag, detail }: MeasureParts): string {
  return told(() => {
    driver.open(tag, BEGINNING, detail, 0).close();
    return 'allowed';
  });
}

/** What comes first of a new pass that begins there, compared with what came before. */
function ask(
  { driver, tag, detail, assertAllowed }: MeasureParts,
  at: ResumePoint,
  offset: number,
  digest: string,
): string {
  const buffer = new Uint8Array(MIN_READ_BYTES);
  let cursor: DumpCursor | undefined;
  try {
    return told(() => {
      cursor = driver.open(tag, at, detail, offset);
      for (;;) {
        assertAllowed();
        const { bytes, done } = cursor.read(buffer);
        if (bytes > 0) return digestOf(buffer, bytes) === digest ? NOTHING_NEW : 'other bytes';
        if (done) return 'the end, without a byte';
      }
    });
  } finally {
    cursor?.close();
    buffer.fill(0);
  }
}

function told(attempt: () => string): string {
  try {
    return attempt();
  } catch (thrown) {
    const { kind, status } = sourceErrorOf(thrown);
    return `refused: ${kind}${status === undefined ? '' : `, status ${status}`}`;
  }
}

/** Drivers are bundled for threads, with a class `SourceError` of their own. @throws what is none */
function sourceErrorOf(thrown: unknown): SourceErrorData {
  const { name, data } = thrown as { readonly name?: string; readonly data?: SourceErrorData };
  if (name !== 'SourceError' || data === undefined) throw thrown;
  return data;
}

function digestOf(buffer: Uint8Array, bytes: number): string {
  return createHash('sha256').update(buffer.subarray(0, bytes)).digest('hex');
}

class Counts {
  bytes = 0;
  calls = 0;
  readonly #outcomes = new Map<Outcome, number>();
  readonly #sizes = new Map<number, number>();
  readonly #durations = BOUNDS_US.map(() => 0);
  #slower = 0;
  #longestUs = 0;
  #empty = 0;

  add(outcome: Outcome, durationUs: number, bytes: number): void {
    this.calls += 1;
    this.bytes += bytes;
    this.#count(outcome);
    if (bytes === 0 && outcome === 'continue') this.#empty += 1;
    this.#sizes.set(bytes, (this.#sizes.get(bytes) ?? 0) + 1);
    this.#longestUs = Math.max(this.#longestUs, durationUs);
    const at = BOUNDS_US.findIndex((bound) => durationUs < bound);
    if (at < 0) this.#slower += 1;
    else this.#durations[at] = (this.#durations[at] ?? 0) + 1;
  }

  fail(outcome: Outcome): void {
    this.calls += 1;
    this.#count(outcome);
  }

  summary(): Pick<Measurement, 'outcomes' | 'emptyChunks' | 'chunkSizes' | 'longestCallUs' | 'durations'> {
    const sizes = [...this.#sizes].sort(([, one], [, other]) => other - one).slice(0, MOST_CHUNK_SIZES);
    const durations = BOUNDS_US.map((belowUs, at) => ({ belowUs, calls: this.#durations[at] ?? 0 }));
    return {
      outcomes: Object.fromEntries(this.#outcomes),
      emptyChunks: this.#empty,
      chunkSizes: sizes.map(([bytes, calls]) => ({ bytes, calls })),
      longestCallUs: Math.round(this.#longestUs),
      durations: [...durations, { belowUs: null, calls: this.#slower }].filter(({ calls }) => calls > 0),
    };
  }

  #count(outcome: Outcome): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }
}
