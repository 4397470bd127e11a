import type { DumpTag } from '../../base/tag.js';
import { MIN_BUFFER_BYTES, PAPR_READ_BYTES, RTAS_STATUS, decodeStatus } from '../../rtas/index.js';
import type { SystemCallError } from '../../base/libc.js';
import type { PaprDevice } from '../../rtas/index.js';
import type { DumpFacts } from './dump-facts.js';
import type { SimFirmware } from './firmware.js';
import { MachineState } from './machine.js';
import { sleep, yieldAfterBusy } from './precise-wait.js';

/** The kernel waits no longer than this for one extended delay (arch/powerpc/kernel/rtas.c, rtas_busy_delay). */
const MAX_DELAY_MS = 1000;

/** One tag's handle, in memory that all threads share: it belongs to the process, as a descriptor does. */
class Handle {
  readonly tag: DumpTag;
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #sequence: BigUint64Array<SharedArrayBuffer>;

  constructor(tag: DumpTag, memory: SharedArrayBuffer) {
    this.tag = tag;
    this.#sequence = new BigUint64Array(memory, 0, 1);
    this.#cells = new Int32Array(memory, this.#sequence.byteLength, 3);
  }

  /** @returns false: it is open already */
  open(): boolean {
    if (Atomics.compareExchange(this.#cells, 0, 0, 1) !== 0) return false;
    this.status = RTAS_STATUS.continue;
    this.sequence = 0n;
    this.ended = false;
    return true;
  }

  close(): void {
    Atomics.store(this.#cells, 0, 0);
  }

  /** Status of the handle's last firmware call; "continue" before the first. */
  get status(): number {
    return this.#cells[1] ?? 0;
  }

  set status(status: number) {
    this.#cells[1] = status;
  }

  /** A read has returned 0 for the end; from then on each one fails. */
  get ended(): boolean {
    return this.#cells[2] === 1;
  }

  set ended(ended: boolean) {
    this.#cells[2] = ended ? 1 : 0;
  }

  get sequence(): bigint {
    return this.#sequence[0] ?? 0n;
  }

  set sequence(sequence: bigint) {
    this.#sequence[0] = sequence;
  }
}

/**
 * `/dev/papr-platform-dump` over the simulated firmware: the state machine of the kernel's driver, its oddities
 * included.
 *
 * @see arch/powerpc/platforms/pseries/papr-platform-dump.c
 */
export class SimPaprDevice implements PaprDevice {
  readonly #firmware: SimFirmware;
  readonly #machine: MachineState;
  readonly #memoryOf: (tag: DumpTag) => SharedArrayBuffer;
  readonly #handles = new Map<number, Handle>();
  #nextHandle = 3;

  /** @param memoryOf the memory in which all threads see the handle of a tag; see `DumpFacts.handle` */
  constructor(
    firmware: SimFirmware,
    memory: SharedArrayBuffer,
    memoryOf: (tag: DumpTag) => DumpFacts['handle'],
  ) {
    this.#firmware = firmware;
    this.#machine = new MachineState(memory);
    this.#memoryOf = memoryOf;
  }

  createHandle(tag: bigint): number {
    const handle = new Handle(tag as DumpTag, this.#memoryOf(tag as DumpTag));
    if (!handle.open()) throw systemCallError('EALREADY', 'the tag is open already');
    this.#machine.takeWorkArea();
    return this.#number(handle);
  }

  /** The number under which this thread knows a handle that another one has created. */
  adopt(tag: DumpTag): number {
    return this.#number(new Handle(tag, this.#memoryOf(tag)));
  }

  read(handle: number, into: Uint8Array): number {
    const open = this.#handle(handle);
    if (open.ended) throw systemCallError('EINVAL', 'the end was delivered before');
    if (open.status === RTAS_STATUS.complete) {
      open.ended = true;
      return 0;
    }
    if (into.length < MIN_BUFFER_BYTES) throw systemCallError('EINVAL', `${into.length} bytes are too few`);
    return this.#call(open, into.length > PAPR_READ_BYTES ? into.subarray(0, PAPR_READ_BYTES) : into);
  }

  invalidate(handle: number, tag: bigint): void {
    const open = this.#handle(handle);
    if (tag !== open.tag) throw systemCallError('EINVAL', 'the handle is for another tag');
    if (open.status !== RTAS_STATUS.complete)
      throw systemCallError('EINPROGRESS', 'the transfer is not complete');
    this.#call(open, null);
  }

  close(handle: number): void {
    const open = this.#handle(handle);
    this.#handles.delete(handle);
    this.#machine.freeWorkArea();
    open.close();
  }

  #number(handle: Handle): number {
    const number = this.#nextHandle++;
    this.#handles.set(number, handle);
    return number;
  }

  #handle(handle: number): Handle {
    return this.#handles.get(handle) ?? throwing(systemCallError('EBADF', `no handle ${handle}`));
  }

  /** One firmware call, waited out; the sequence moves on success only, the status is kept in any case. */
  #call(open: Handle, buffer: Uint8Array | null): number {
    for (let retries = 0; ; retries += 1) {
      const answer = this.#firmware.call(open.tag, open.sequence, buffer);
      const outcome = decodeStatus(answer.status);
      if (outcome.kind === 'retry') {
        if (outcome.delayMs === 0) yieldAfterBusy(retries);
        else sleep(Math.min(outcome.delayMs, MAX_DELAY_MS));
        continue;
      }
      open.status = answer.status;
      if (outcome.kind === 'failed') throw systemCallError(outcome.code, outcome.reason);
      open.sequence = answer.nextSequence;
      return answer.bytesReturned;
    }
  }
}

function systemCallError(code: string, reason: string): SystemCallError {
  return Object.assign(new Error(`${code}: ${reason}`), { code });
}

function throwing(error: Error): never {
  throw error;
}
