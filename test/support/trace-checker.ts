import { readFileSync, statSync } from 'node:fs';
import { Coverage } from '../../src/dump/coverage.js';

/** What the checker needs of a line of `--trace-rtas`. */
export interface CheckedCall {
  readonly time: string;
  readonly op: 'read' | 'invalidate';
  readonly tag: string;
  readonly offset: number;
  readonly status: number;
  readonly bytes: number;
  /** Lines that could not be written before this one. */
  readonly lost?: number;
}

/** A moment at which something happened to a tag, milliseconds since the epoch. */
export interface Moment {
  readonly tag: string;
  readonly atMs: number;
}

/** A call of unlink(2), whatever it answered. Between its two moments nobody else reads. */
export interface Unlink {
  readonly tag: string;
  readonly beganAtMs: number;
  /** Absent: it has not answered, or whoever had to answer was killed. */
  endedAtMs?: number;
}

/** What a suite knows beside the trace. What is left out is not held against the trace. */
export interface TraceFacts {
  /** Every unlink(2). What is read within one proves nothing: it has reached nobody. */
  readonly unlinks?: readonly Unlink[];
  /** Another dump took the tag: what was read before is not of it. */
  readonly arrivals?: readonly Moment[];
  /** A daemon began, and knew of no delivery. */
  readonly startsMs?: readonly number[];
  /** `--unlink=force`: neither delivery nor transfer is asked for. */
  readonly isForced?: boolean;
}

/** What firmware has handed over of the dump that has a tag now. */
interface Fetched {
  readonly covered: Coverage;
  end: number | undefined;
  /** The restart or arrival that it began with. */
  readonly sinceMs: number;
}

/**
 * Reads a trace of the simulated hypervisor and says what in it must never happen: firmware told to forget a dump that
 * it had not handed over completely, or for which nobody had called unlink, or another one than was handed over.
 *
 * Lines stand in the order in which calls ended, of all threads: a thread writes its line before it gives its answer.
 *
 * @returns a line for each fault
 */
export function traceFaults(calls: readonly CheckedCall[], facts: TraceFacts = {}): readonly string[] {
  return new TraceChecker(facts).check(calls);
}

/** @throws Error with all faults of the trace in a file; a file that is not there has none */
export function checkTraceFile(path: string, facts: TraceFacts = {}): void {
  const faults = traceFaults(readTrace(path), facts);
  if (faults.length > 0) throw new Error(`firmware trace ${path}:\n${faults.join('\n')}`);
}

/** Whole lines of a trace that may still be written, or was cut where there was no room. */
export function readTrace(path: string): CheckedCall[] {
  // A test may have put something else there: to open a FIFO would be to wait for ever.
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return [];
  const text = readFileSync(path, 'utf8');
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as CheckedCall];
    } catch {
      return [];
    }
  });
}

/** Threads and processes do not agree better than so on what time it is. Who is in doubt is innocent. */
const CLOCKS_DIFFER_MS = 2;

/** With the microseconds that `Date.parse` drops. */
function epochMsOf(time: string): number {
  return Date.parse(time) + Number(/\.\d{3}(\d{3})Z$/.exec(time)?.[1] ?? 0) / 1000;
}

class TraceChecker {
  readonly #facts: TraceFacts;
  readonly #fetched = new Map<string, Fetched>();
  /** Successful invalidations, by tag. */
  readonly #invalidated = new Map<string, number>();
  readonly #faults: string[] = [];
  #isWhole = true;

  constructor(facts: TraceFacts) {
    this.#facts = facts;
  }

  check(calls: readonly CheckedCall[]): readonly string[] {
    for (const [index, call] of calls.entries()) {
      const at = epochMsOf(call.time);
      // A dump that came at about that time: a read may be of it, an invalidation still of the one before.
      const doubtMs = call.op === 'invalidate' ? -CLOCKS_DIFFER_MS : CLOCKS_DIFFER_MS;
      this.#forgetUntil(at + doubtMs, call.tag);
      // What is missing may be the very reads that would justify what follows.
      if (call.lost !== undefined) this.#isWhole = false;
      if (call.op === 'read') this.#read(call, at);
      else this.#invalidate(call, at, index + 1);
    }
    return this.#faults;
  }

  /** Restarts and arrivals make what was fetched worthless. */
  #forgetUntil(until: number, tag: string): void {
    const { startsMs = [], arrivals = [] } = this.#facts;
    const arrived = arrivals.filter((one) => one.tag === tag).map(({ atMs }) => atMs);
    const last = Math.max(-Infinity, ...[...startsMs, ...arrived].filter((moment) => moment <= until));
    const known = this.#fetched.get(tag);
    if (known !== undefined && known.sinceMs < last) this.#fetched.delete(tag);
    if (!this.#fetched.has(tag))
      this.#fetched.set(tag, { covered: new Coverage(), end: undefined, sinceMs: last });
  }

  #read({ tag, offset, status, bytes }: CheckedCall, at: number): void {
    if (this.#isWithinUnlink(tag, at)) return;
    const fetched = this.#fetched.get(tag);
    if (fetched === undefined) return;
    fetched.covered.add(offset, offset + bytes);
    if (status === 0) fetched.end = offset + bytes;
  }

  #invalidate({ tag, status }: CheckedCall, at: number, line: number): void {
    const complain = (what: string): number => this.#faults.push(`call ${line}: ${tag} ${what}`);
    const { unlinks, isForced = false } = this.#facts;
    const asked = unlinks?.filter(
      (unlink) => unlink.tag === tag && unlink.beganAtMs <= at + CLOCKS_DIFFER_MS,
    ).length;
    const before = this.#invalidated.get(tag) ?? 0;
    if (asked !== undefined && asked <= before)
      complain(`is invalidated for the ${before + 1}. time after ${asked} unlinks`);
    const { covered = new Coverage(), end } = this.#fetched.get(tag) ?? {};
    if (!isForced && this.#isWhole && (end === undefined || !covered.covers(end)))
      complain(
        `is invalidated, and only ${covered.total} of ${end ?? 'an unknown number of'} bytes were read`,
      );
    if (status !== 0) return;
    this.#invalidated.set(tag, before + 1);
    this.#fetched.delete(tag);
  }

  #isWithinUnlink(tag: string, at: number): boolean {
    const { unlinks = [], isForced = false } = this.#facts;
    return (
      !isForced &&
      unlinks.some(
        ({ tag: which, beganAtMs, endedAtMs = Infinity }) =>
          which === tag && beganAtMs + CLOCKS_DIFFER_MS <= at && at < endedAtMs - CLOCKS_DIFFER_MS,
      )
    );
  }
}
