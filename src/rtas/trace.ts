import { performance } from 'node:perf_hooks';
import { BroadcastChannel } from 'node:worker_threads';
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

/** Whoever writes down firmware calls. */
export interface CallRecorder {
  record(call: FirmwareCall): void;
}

/** A writer that has not answered for so long is not waited for again until it has. */
const PATIENCE_MS = 1000;

/** Lines of a thread that are under way: the main thread has more to do than to pass them on. What comes on top waits, or is lost. */
const MOST_UNSETTLED = 64;

/** What threads send on the channel of a trace: a line; how many were lost before the next one; or a word that is to become `SETTLED` once all before it is written. */
export type TraceMessage = string | number | Int32Array;

export const SETTLED = 1;

/**
 * Hands one JSON line per firmware call to the thread that has the trace written, with which it shares a channel.
 *
 * Nothing here throws or waits for long, for a firmware call cannot be made again: its bytes are delivered, and a dump that
 * firmware has forgotten is gone, whether or not there is a place to write it down.
 */
export class FirmwareTrace implements CallRecorder {
  readonly #channel: BroadcastChannel;
  #unsettled = 0;
  #lost = 0;
  /** Not yet `SETTLED`: the writer is late. */
  #awaited: Int32Array | undefined;

  /** @param channel name of a `TraceDesk` in this process */
  constructor(channel: string) {
    this.#channel = new BroadcastChannel(channel);
    this.#channel.unref();
  }

  record(call: FirmwareCall): void {
    if (this.#unsettled >= MOST_UNSETTLED) this.settle();
    if (this.#unsettled >= MOST_UNSETTLED) {
      this.#lost += 1;
      return;
    }
    if (this.#lost > 0) this.#send(this.#lost);
    this.#lost = 0;
    this.#send(lineOf(call));
    this.#unsettled += 1;
  }

  /** Waits until the lines of this thread are in the file. Not for long, and not again while the writer is late. */
  settle(): void {
    if (this.#unsettled === 0 || (this.#awaited !== undefined && this.#awaited[0] !== SETTLED)) return;
    this.#unsettled = 0;
    this.#awaited = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    this.#send(this.#awaited);
    Atomics.wait(this.#awaited, 0, 0, PATIENCE_MS);
  }

  #send(message: TraceMessage): void {
    try {
      this.#channel.postMessage(message);
    } catch {
      // A line less.
    }
  }
}

function lineOf(call: FirmwareCall): string {
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
  });
}

/** When a call began, with microseconds: a call takes no more than a few of them. */
function timestamp(epochMs: number): string {
  const whole = Math.floor(epochMs);
  const micros = Math.floor((epochMs - whole) * 1000);
  return new Date(whole).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);
}
