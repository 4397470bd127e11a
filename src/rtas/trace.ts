import { closeSync, openSync, writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
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

/** Appends one JSON line per firmware call. Each thread opens its own: O_APPEND keeps lines whole. */
export class FirmwareTrace implements Disposable {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, 'a', 0o600);
  }

  record(call: FirmwareCall): void {
    const line = {
      time: timestamp(
        call.startedAtMs ?? performance.timeOrigin + performance.now() - call.durationUs / 1000,
      ),
      op: call.op,
      tag: tagName(call.tag),
      ...(call.sequence === undefined ? {} : { sequence: `0x${call.sequence.toString(16)}` }),
      offset: call.offset,
      length: call.length,
      status: call.status,
      bytes: call.bytes,
      durationUs: Math.round(call.durationUs),
    };
    writeSync(this.#fd, `${JSON.stringify(line)}\n`);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

/** When a call began, with microseconds: a call takes no more than a few of them. */
function timestamp(epochMs: number): string {
  const whole = Math.floor(epochMs);
  const micros = Math.floor((epochMs - whole) * 1000);
  return new Date(whole).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);
}
