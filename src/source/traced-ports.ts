import { constants } from 'node:os';
import type { DumpTag } from '../base/tag.js';
import { PAPR_READ_BYTES, RTAS_STATUS } from '../rtas/index.js';
import type { CallRecorder, FirmwareCall, LibrtasPort, PaprDevice } from '../rtas/index.js';

interface TracedHandle {
  readonly tag: DumpTag;
  /** Bytes that the handle has delivered. */
  offset: number;
  /** A read of no bytes, of which only what follows says whether it was a firmware call. */
  unclear: FirmwareCall | undefined;
}

/**
 * Writes down the firmware calls that a device makes, as far as they show: the kernel hides busy answers, sequences and
 * the status itself. The read that ends a dump makes no call; it is told from "continue with 0 bytes" by what the handle
 * answers next.
 */
export class TracedPaprDevice implements PaprDevice {
  readonly #device: PaprDevice;
  readonly #trace: CallRecorder;
  readonly #handles = new Map<number, TracedHandle>();

  constructor(device: PaprDevice, trace: CallRecorder) {
    this.#device = device;
    this.#trace = trace;
  }

  createHandle(tag: bigint): number {
    const handle = this.#device.createHandle(tag);
    this.#handles.set(handle, { tag: tag as DumpTag, offset: 0, unclear: undefined });
    return handle;
  }

  /** Another thread has read from the handle up to `offset`. */
  adopt(handle: number, tag: DumpTag, offset: number): void {
    const known = this.#handles.get(handle);
    if (known?.tag !== tag || known.offset !== offset)
      this.#handles.set(handle, { tag, offset, unclear: undefined });
  }

  read(handle: number, into: Uint8Array): number {
    const begun = performance.now();
    const call = this.#call('read', handle, Math.min(into.length, PAPR_READ_BYTES));
    try {
      const bytes = this.#device.read(handle, into);
      this.#recordRead(handle, { ...call, bytes, durationUs: sinceUs(begun) });
      return bytes;
    } catch (thrown) {
      // EINVAL is the kernel's own: the end was delivered before.
      if (codeOf(thrown) === 'EINVAL') this.#forgetUnclear(handle);
      else this.#recordRead(handle, { ...call, status: statusOf(thrown), durationUs: sinceUs(begun) });
      throw thrown;
    }
  }

  invalidate(handle: number, tag: bigint): void {
    const begun = performance.now();
    const call = this.#call('invalidate', handle, 0);
    try {
      this.#device.invalidate(handle, tag);
      this.#trace.record({ ...call, durationUs: sinceUs(begun) });
    } catch (thrown) {
      if (codeOf(thrown) !== 'EINPROGRESS')
        this.#trace.record({ ...call, status: statusOf(thrown), durationUs: sinceUs(begun) });
      throw thrown;
    }
  }

  close(handle: number): void {
    this.#handles.delete(handle);
    this.#device.close(handle);
  }

  #call(op: FirmwareCall['op'], handle: number, length: number): FirmwareCall {
    const known = this.#handles.get(handle);
    return {
      op,
      tag: known?.tag ?? (0n as DumpTag),
      offset: known?.offset ?? 0,
      length,
      status: 0,
      bytes: 0,
      durationUs: 0,
    };
  }

  #recordRead(handle: number, call: FirmwareCall): void {
    const known = this.#handles.get(handle);
    if (known?.unclear !== undefined) this.#trace.record(known.unclear);
    const isUnclear = call.bytes === 0 && call.status === 0;
    if (!isUnclear) this.#trace.record(call);
    if (known === undefined) return;
    known.unclear = isUnclear ? call : undefined;
    known.offset += call.bytes;
  }

  #forgetUnclear(handle: number): void {
    const known = this.#handles.get(handle);
    if (known !== undefined) known.unclear = undefined;
  }
}

/** Writes down each call of one pass. @param offset where the pass begins */
export function tracedLibrtas(port: LibrtasPort, trace: CallRecorder, offset: number): LibrtasPort {
  let position = offset;
  return {
    platformDump(tag, sequence, buffer) {
      const begun = performance.now();
      const answer = port.platformDump(tag, sequence, buffer);
      trace.record({
        tag: tag as DumpTag,
        op: buffer === null ? 'invalidate' : 'read',
        sequence,
        offset: position,
        length: buffer?.length ?? 0,
        status: answer.status,
        bytes: answer.bytesReturned,
        durationUs: sinceUs(begun),
      });
      if (answer.status === RTAS_STATUS.complete || answer.status === RTAS_STATUS.continue)
        position += answer.bytesReturned;
      return answer;
    },
  };
}

function sinceUs(beganMs: number): number {
  return (performance.now() - beganMs) * 1000;
}

function codeOf(thrown: unknown): string {
  return (thrown as Partial<NodeJS.ErrnoException>).code ?? '';
}

/** Negative errno. */
export function statusOf(thrown: unknown): number {
  const value = (constants.errno as Partial<Record<string, number>>)[codeOf(thrown)];
  return value === undefined ? -1 : -value;
}
