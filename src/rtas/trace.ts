import { closeSync, writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { BroadcastChannel } from 'node:worker_threads';
import { openPrivateAppend } from '../base/private-file.js';
import type { DumpTag } from '../base/tag.js';
import { tagName } from '../base/tag.js';

/** One firmware call as `--trace-rtas` records it. */
export interface FirmwareCall {
  readonly tag: DumpTag;
  readonly op: 'read' | 'invalidate';
  /** Sequence passed in, where the source knows it. */
  readonly sequence?: bigint | undefined;
  /** Byte offset in the dump at which this call continues. */
  readonly offset: number;
  /** Buffer length in bytes; 0 for an invalidation. */
  readonly length: number;
  /** RTAS status, where the source sees it, else 0 or the negative errno. */
  readonly status: number;
  /** Bytes that firmware placed in the buffer. */
  readonly bytes: number;
  /** Duration of the call in microseconds. */
  readonly durationUs: number;
  /** When the call began, milliseconds since the epoch with their fraction; absent: it has just ended. */
  readonly startedAtMs?: number;
}

/** Where threads say that they cannot write: they have no log. */
const TROUBLE_CHANNEL = 'platdumpfs trace';

/** A file that could not be opened is tried again after so long. */
const REOPEN_MS = 1000;

/**
 * Appends one JSON line per firmware call. Each thread opens its own: O_APPEND keeps lines whole.
 *
 * Nothing here ever throws, for a firmware call cannot be made again: its bytes are delivered, and a dump that firmware
 * has forgotten is gone, whether or not there is a place to write it down. Calls that were not recorded are counted in
 * the next line that can be written, as `lost`.
 */
export class FirmwareTrace implements Disposable {
  readonly #path: string;
  #fd: number | undefined;
  #triedAtMs = -Infinity;
  #lost = 0;
  /** The last line was cut short: the next one does not continue it. */
  #isTorn = false;

  constructor(path: string) {
    this.#path = path;
  }

  record(call: FirmwareCall): void {
    try {
      this.#write(this.#fd ?? this.#open(), call);
    } catch (error) {
      if (this.#lost === 0) tellTrouble((error as Error).message);
      this.#lost += 1;
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open(): number {
    const now = performance.now();
    if (now - this.#triedAtMs < REOPEN_MS) throw new Error('it could not be opened a moment ago');
    this.#triedAtMs = now;
    this.#fd = openPrivateAppend(this.#path);
    return this.#fd;
  }

  #write(fd: number, call: FirmwareCall): void {
    const line = Buffer.from(`${this.#isTorn ? '\n' : ''}${lineOf(call, this.#lost)}\n`);
    const written = writeSync(fd, line);
    this.#isTorn = written < line.length;
    if (this.#isTorn) throw new Error('no space is left for a whole line');
    this.#lost = 0;
  }
}

/** @throws Error in one line where a trace could not be begun */
export function checkTraceFile(path: string): void {
  closeSync(openPrivateAppend(path));
}

/** Hears from every thread of this process that lines are being lost, once for each time that this begins. */
export function onTraceTrouble(listener: (reason: string) => void): Disposable {
  const channel = new BroadcastChannel(TROUBLE_CHANNEL);
  channel.onmessage = (event) => listener((event as { readonly data: string }).data);
  // Listening alone is no reason to stay alive.
  channel.unref();
  return { [Symbol.dispose]: () => channel.close() };
}

function tellTrouble(reason: string): void {
  try {
    const channel = new BroadcastChannel(TROUBLE_CHANNEL);
    channel.postMessage(reason);
    channel.close();
  } catch {
    // Then nobody hears of it: the firmware call goes on all the same.
  }
}

function lineOf(call: FirmwareCall, lost: number): string {
  return JSON.stringify({
    time: timestamp(call.startedAtMs ?? performance.timeOrigin + performance.now() - call.durationUs / 1000),
    op: call.op,
    tag: tagName(call.tag),
    ...(call.sequence === undefined ? {} : { sequence: `0x${call.sequence.toString(16)}` }),
    offset: call.offset,
    length: call.length,
    status: call.status,
    bytes: call.bytes,
    durationUs: Math.round(call.durationUs),
    ...(lost === 0 ? {} : { lost }),
  });
}

/** When a call began, with microseconds: a call takes no more than a few of them. */
function timestamp(epochMs: number): string {
  const whole = Math.floor(epochMs);
  const micros = Math.floor((epochMs - whole) * 1000);
  return new Date(whole).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);
}
