import type { DumpTag } from '../base/tag.js';
import { MIN_BUFFER_BYTES, PAPR_READ_BYTES, RTAS_STATUS, decodeStatus } from '../rtas/index.js';
import type { PaprDevice, SystemCallError } from '../rtas/index.js';
import type { DumpFacts } from './dump-facts.js';
import type { SimFirmware } from './firmware.js';
import { MachineState } from './machine.js';
import { sleep, yieldAfterBusy } from './precise-wait.js';

/** The kernel waits no longer than this for one extended delay (arch/powerpc/kernel/rtas.c, rtas_busy_delay). */
const MAX_DELAY_MS = 1000;

interface Handle {
  readonly tag: DumpTag;
  /** One integer: not 0 while the tag is open. */
  readonly flag: Int32Array<SharedArrayBuffer>;
  /** Status of the handle's last firmware call; "continue" before the first. */
  status: number;
  sequence: bigint;
  /** A read has returned 0 for the end; from then on each one fails. */
  ended: boolean;
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
  readonly #flagOf: (tag: DumpTag) => SharedArrayBuffer;
  readonly #handles = new Map<number, Handle>();
  #nextHandle = 3;

  /** @param flagOf the integer by which all threads know that a tag is open; see `DumpFacts.handle` */
  constructor(
    firmware: SimFirmware,
    memory: SharedArrayBuffer,
    flagOf: (tag: DumpTag) => DumpFacts['handle'],
  ) {
    this.#firmware = firmware;
    this.#machine = new MachineState(memory);
    this.#flagOf = flagOf;
  }

  createHandle(tag: bigint): number {
    const known = tag as DumpTag;
    const flag = new Int32Array(this.#flagOf(known));
    if (Atomics.compareExchange(flag, 0, 0, 1) !== 0)
      throw systemCallError('EALREADY', 'the tag is open already');
    this.#machine.takeWorkArea();
    const number = this.#nextHandle++;
    this.#handles.set(number, { tag: known, flag, status: RTAS_STATUS.continue, sequence: 0n, ended: false });
    return number;
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
    const { flag } = this.#handle(handle);
    this.#handles.delete(handle);
    this.#machine.freeWorkArea();
    Atomics.store(flag, 0, 0);
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
