import { performance } from 'node:perf_hooks';
import { BroadcastChannel } from 'node:worker_threads';
import type { DumpTag } from '../../base/tag.js';
import { MIN_BUFFER_BYTES, RTAS_STATUS } from '../../rtas/index.js';
import type { CallRecorder, PlatformDumpAnswer } from '../../rtas/index.js';
import type { DumpFacts } from './dump-facts.js';
import { MachineState } from './machine.js';
import type { MachineSpec } from './machine.js';
import { waitUntil } from './precise-wait.js';
import { SimDump } from './sim-dump.js';

/**
 * Longest stay in firmware, in milliseconds. A call that lasts longer leaves the processor to other calls
 * meanwhile, as the architecture wants it, so one slow dump does not stop the machine.
 */
const MAX_STAY_MS = 1;

const COMPLETE: PlatformDumpAnswer = { status: RTAS_STATUS.complete, nextSequence: 0n, bytesReturned: 0 };
const HARDWARE_ERROR = failed(RTAS_STATUS.hardwareError);
const PARAMETER_ERROR = failed(RTAS_STATUS.parameterError);

/**
 * The RTAS call `ibm,platform-dump` as one thread of the simulated machine makes it: one call, one answer, busy and
 * delay statuses included. The machine's memory makes all threads see the same firmware.
 *
 * @see LoPAR, Platform Dump Option; LoPAR leaves unknown tags open, here they answer "complete" with no bytes
 */
export class SimFirmware implements Disposable {
  readonly #spec: MachineSpec;
  readonly #state: MachineState;
  readonly #dumps = new Map<bigint, SimDump>();
  readonly #trace: CallRecorder | undefined;
  /** Where the call under way continues, for the trace. */
  #offset = 0;

  constructor(spec: MachineSpec, trace?: CallRecorder) {
    this.#spec = spec;
    this.#state = new MachineState(spec.memory);
    this.#trace = trace;
  }

  /** Lets this thread see a dump. Without content the tag stays unknown. */
  present(facts: DumpFacts): void {
    this.#dumps.get(facts.tag)?.[Symbol.dispose]();
    if (facts.content === null) this.#dumps.delete(facts.tag);
    else this.#dumps.set(facts.tag, new SimDump(facts, facts.content));
  }

  /**
   * @param sequence 0 begins the dump
   * @param buffer `null`: "finished with this dump"
   */
  call(tag: DumpTag, sequence: bigint, buffer: Uint8Array | null): PlatformDumpAnswer {
    const dump = this.#dumps.get(tag);
    const latencyMs = (dump?.latencyUs ?? this.#spec.latencyUs) / 1000;
    // Without latency nobody wants to know the time.
    const isTimed = latencyMs > 0 || this.#trace !== undefined;
    const begun = isTimed ? this.#state.time.book(Math.min(latencyMs, MAX_STAY_MS)) : 0;
    const answer = this.#answer(dump, tag, sequence, buffer);
    if (latencyMs > 0) waitUntil(begun + latencyMs);
    if (this.#trace !== undefined)
      this.#record(this.#trace, { tag, sequence, buffer, answer, begun, latencyMs });
    return answer;
  }

  [Symbol.dispose](): void {
    for (const dump of this.#dumps.values()) dump[Symbol.dispose]();
    this.#dumps.clear();
  }

  #answer(
    dump: SimDump | undefined,
    tag: DumpTag,
    sequence: bigint,
    buffer: Uint8Array | null,
  ): PlatformDumpAnswer {
    this.#offset = 0;
    if (buffer === null) return dump?.record.present ? this.#invalidate(dump, tag) : COMPLETE;
    if (buffer.length < MIN_BUFFER_BYTES) return PARAMETER_ERROR;
    if (!dump?.record.present) return sequence === 0n ? COMPLETE : HARDWARE_ERROR;
    return sequence === 0n ? this.#begin(dump, tag, buffer) : this.#continue(dump, tag, sequence, buffer);
  }

  #begin(dump: SimDump, tag: DumpTag, buffer: Uint8Array): PlatformDumpAnswer {
    const found = dump.begin();
    if (found === 'failed') return HARDWARE_ERROR;
    if (found === 'gone') {
      this.#forget(dump, tag, 'vanished');
      return COMPLETE;
    }
    const status = dump.faults.strike(0, dump.record);
    if (status !== undefined && status !== RTAS_STATUS.continue) return this.#disturbed(dump, status);
    dump.record.transfers += 1;
    return status === undefined ? this.#deliver(dump, tag, 0, buffer) : goOn(dump, 0, 0);
  }

  #continue(dump: SimDump, tag: DumpTag, sequence: bigint, buffer: Uint8Array): PlatformDumpAnswer {
    if (this.#spec.discipline === 'papr' && sequence !== dump.record.lastSequence) return HARDWARE_ERROR;
    const offset = dump.offsetOf(sequence);
    if (offset === undefined) return HARDWARE_ERROR;
    this.#offset = offset;
    const status = dump.faults.strike(offset, dump.record);
    if (status === undefined) return this.#deliver(dump, tag, offset, buffer);
    return status === RTAS_STATUS.continue ? goOn(dump, offset, 0) : this.#disturbed(dump, status);
  }

  /** A fault's answer. The sequence stays good, so the same call may be repeated; only "complete" ends the transfer. */
  #disturbed(dump: SimDump, status: number): PlatformDumpAnswer {
    if (status === RTAS_STATUS.complete) dump.record.endTransfer();
    return failed(status);
  }

  #deliver(dump: SimDump, tag: DumpTag, offset: number, buffer: Uint8Array): PlatformDumpAnswer {
    const bytes = dump.chunkAt(offset, buffer.length);
    const outcome = dump.read(offset, buffer, bytes);
    if (outcome === 'gone') this.#forget(dump, tag, 'vanished');
    if (outcome !== 'ok') return HARDWARE_ERROR;
    const end = offset + bytes;
    // A fault at the very end needs a call of its own to strike, which then brings "complete" and no bytes.
    if (end < dump.size || (bytes > 0 && dump.faults.has(end))) return goOn(dump, end, bytes);
    dump.record.endTransfer();
    return { status: RTAS_STATUS.complete, nextSequence: 0n, bytesReturned: bytes };
  }

  #invalidate(dump: SimDump, tag: DumpTag): PlatformDumpAnswer {
    const status = dump.faults.strike('invalidate', dump.record);
    if (status !== undefined) return failed(status);
    const outcome = dump.invalidate();
    if (outcome === 'failed') return HARDWARE_ERROR;
    this.#forget(dump, tag, outcome === 'ok' ? 'invalidated' : 'vanished');
    return COMPLETE;
  }

  #forget(dump: SimDump, tag: DumpTag, why: 'invalidated' | 'vanished'): void {
    if (!dump.record.leave(why)) return;
    this.#state.countChange();
    const channel = new BroadcastChannel(this.#spec.channel);
    channel.postMessage(tag);
    channel.close();
  }

  #record(trace: CallRecorder, done: TracedCall): void {
    const { tag, sequence, buffer, answer, begun, latencyMs } = done;
    trace.record({
      tag,
      op: buffer === null ? 'invalidate' : 'read',
      sequence,
      offset: this.#offset,
      length: buffer?.length ?? 0,
      status: answer.status,
      bytes: answer.bytesReturned,
      // Of a call that takes no time, the one that it took nevertheless.
      durationUs: (latencyMs > 0 ? latencyMs : performance.now() - begun) * 1000,
      startedAtMs: performance.timeOrigin + begun,
    });
  }
}

interface TracedCall {
  readonly tag: DumpTag;
  readonly sequence: bigint;
  readonly buffer: Uint8Array | null;
  readonly answer: PlatformDumpAnswer;
  readonly begun: number;
  readonly latencyMs: number;
}

function goOn(dump: SimDump, offset: number, bytesReturned: number): PlatformDumpAnswer {
  return { status: RTAS_STATUS.continue, nextSequence: dump.handOut(offset), bytesReturned };
}

/** An answer without data. Who goes on with its sequence begins anew: firmware leaves that word undefined. */
function failed(status: number): PlatformDumpAnswer {
  return { status, nextSequence: 0n, bytesReturned: 0 };
}
