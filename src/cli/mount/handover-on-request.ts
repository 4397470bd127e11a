import { readlinkSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '../../base/log.js';
import type { Handover, Mounted } from '../../fuse/index.js';
import type { ExplainedGate } from '../../lockdown/index.js';
import type { ControlError, ControlErrorCode, ControlResponse } from '../control/control-protocol.js';
import type { ControlRoute } from '../control/control-server.js';
import { takeoverPath } from '../runtime-directory.js';
import type { Composition } from './compose.js';
import { HANDED_FORMAT } from './handed-mount.js';
import type { HandoverFile } from './handover-file.js';
import { removeHandoverFile } from './handover-file.js';
import { beginHandoverFile } from './handover.js';
import type { MountRequest } from './mount-request.js';
import { madeWith, passedDescriptor } from './mount-request.js';
import { serviceOfThisProcess } from './service-manager.js';

/** A process inside a firmware call cannot end: none that takes longer may be under way. */
const CALL_MS = 5000;

export interface HandoverOnRequestOptions {
  readonly mounted: Mounted;
  /** Without symbolic links. */
  readonly mountpoint: string;
  readonly transport: string;
  readonly composition: Composition;
  readonly request: MountRequest;
  readonly gate: ExplainedGate;
  readonly log: Logger;
}

/** Who asks is to go on with the mount. */
interface Asked {
  /** What the next process knows the file by. */
  readonly name: string;
  /** Of this process, as it was told: another one may answer here by now. */
  readonly from: number;
  readonly to: number;
}

/** Why the mount cannot be left. */
type Refusal = Extract<ControlResponse, { kind: 'error' | 'locked' }>;

/**
 * Leaves the mount to another process of this user that asks for it (`--takeover`). Nothing is written down before, so nobody
 * can go on after a crash.
 */
export class HandoverOnRequest {
  /** Resolves once another process goes on, and this one has nothing left to do but to end. */
  readonly done: Promise<void>;
  readonly routes: readonly ControlRoute[];
  readonly #options: HandoverOnRequestOptions;
  #onDone: () => void = () => undefined;
  #file: HandoverFile | undefined;
  #attempt: Promise<ControlResponse> | undefined;
  /** The kernel is answered no more: there is no way back. */
  #isLeaving = false;
  #isDone = false;
  #isOver = false;

  constructor(options: HandoverOnRequestOptions) {
    this.#options = options;
    removeLeft(options);
    this.done = new Promise((resolve) => (this.#onDone = resolve));
    const path = '/v1/handover';
    this.routes = [
      { method: 'GET', path, answer: () => this.#offer() },
      { method: 'POST', path, answer: ({ body, isGone }) => this.#leave(body, isGone) },
    ];
  }

  /** Lockdown has risen: nothing is left for another process, unless that one has to tell the kernel what to drop. */
  drop(): void {
    this.#isOver = true;
    if (!this.#isLeaving) this.#file?.remove();
  }

  /** This process is about to end: nobody can ask any more. @returns whether another process goes on */
  async settle(): Promise<boolean> {
    this.#isOver = true;
    await this.#attempt;
    return this.#isDone;
  }

  #offer(): ControlResponse {
    const handover = this.#possible();
    if ('kind' in handover) return handover;
    const { mountpoint, request } = this.#options;
    return {
      kind: 'handover',
      mountpoint,
      pid: process.pid,
      descriptor: handover.device.fd,
      pidNamespace: readlinkSync('/proc/self/ns/pid'),
      format: HANDED_FORMAT,
      madeWith: { ...madeWith(request) },
    };
  }

  async #leave(body: unknown, isGone: () => boolean): Promise<ControlResponse> {
    if (!isAsked(body)) return refusal('bad-request', 'expected a name and the numbers from and to');
    if (body.from !== process.pid) return refusal('conflict', 'another process serves the mount by now');
    const handover = this.#possible();
    if ('kind' in handover) return handover;
    this.#attempt = this.#leaveTo(body, handover, isGone).finally(() => (this.#attempt = undefined));
    return this.#attempt;
  }

  async #leaveTo(asked: Asked, handover: Handover, isGone: () => boolean): Promise<ControlResponse> {
    const { store } = this.#options.composition;
    const isForNobody = (): boolean => isGone() || !isAlive(asked.to);
    const refused = (): Refusal | undefined =>
      isForNobody() ? refusal('conflict', `process ${asked.to} does not wait any more`) : this.#refused();
    try {
      const isStillWanted = (): boolean => !this.#isOver && !isForNobody();
      if (!(await store.rest(CALL_MS, isStillWanted))) return refused() ?? NO_ANSWER_OF_FIRMWARE;
      // This process may have been stopped since that was asked. The end of the connection is read in the turn behind the one
      // that has begun.
      await nextTurn();
      await nextTurn();
      return refused() ?? (await this.#carryOut(asked, handover, refused));
    } finally {
      if (!this.#isDone) store.goOn();
    }
  }

  async #carryOut(
    { name, to }: Asked,
    handover: Handover,
    refused: () => Refusal | undefined,
  ): Promise<ControlResponse> {
    const { composition, mountpoint, log } = this.#options;
    // Where it cannot be written, nothing was begun.
    const file = this.#begin(name, handover);
    if ('kind' in file) return file;
    this.#file = file;
    const hasBegun = await handover.begin(
      () => (this.#isLeaving = file.isValid && refused() === undefined),
      () => {
        // Firmware has answered all that it was told, and is told nothing any more: there is nothing to wait for.
        void composition.volume.removal.handOver();
        return Promise.resolve();
      },
    );
    if (!hasBegun) {
      this.#file = undefined;
      const { isValid } = file;
      file.remove();
      return refused() ?? (isValid ? NO_ANSWER_OF_THE_KERNEL : refusal('failed', CANNOT_BE_WRITTEN));
    }
    const isComplete = file.complete();
    this.#isDone = true;
    this.#onDone();
    if (!isComplete) return NOBODY_GOES_ON;
    log.info('stopped: readers wait for the process that goes on', { pid: to });
    return { kind: 'handed-over', mountpoint };
  }

  #begin(name: string, { device }: Handover): HandoverFile | ControlError {
    const path = takeoverPath(device.mountpoint);
    try {
      return beginHandoverFile({ ...this.#options, path, name, device, onFailure: () => undefined });
    } catch (error) {
      return refusal('failed', `${CANNOT_BE_WRITTEN}: ${(error as Error).message}`);
    }
  }

  /** Nothing can be done any more. */
  #refused(): Refusal | undefined {
    const { gate, mountpoint } = this.#options;
    if (gate.locked()) return { kind: 'locked', mountpoint };
    return this.#isOver ? refusal('conflict', 'it is about to end') : undefined;
  }

  /** @returns why it cannot be done */
  #possible(): Handover | Refusal {
    const { mounted, transport, request } = this.#options;
    // Also at lockdown: the other process has to know that it is the one to go on.
    if (this.#isLeaving) return TAKEN_OVER;
    const refused = this.#refused();
    if (refused !== undefined) return refused;
    const service = serviceOfThisProcess();
    if (service !== undefined) return refusal('conflict', `systemd runs it: systemctl restart ${service}`);
    if (this.#attempt !== undefined) return TAKEN_OVER;
    if (mounted.handover !== undefined) return mounted.handover;
    if (transport !== 'kernel') return refusal('conflict', `the transport ${transport} cannot`);
    if (passedDescriptor(request.mountpoint) !== undefined)
      return refusal('conflict', 'somebody else has mounted it for this daemon');
    return refusal('conflict', 'the kernel cannot: that takes Linux 6.9');
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** What is left of a takeover that came to nothing: the process that had asked was killed. */
export function removeLeft({
  mountpoint,
  request,
  log,
}: Pick<HandoverOnRequestOptions, 'mountpoint' | 'request' | 'log'>): void {
  // `/dev/fd/3` is another mount in each process that has it.
  if (passedDescriptor(request.mountpoint) !== undefined) return;
  try {
    removeHandoverFile(takeoverPath(mountpoint));
  } catch (error) {
    log.warn('cannot remove what another process has left', { error });
  }
}

function isAsked(body: unknown): body is Asked {
  const { name, from, to } = (body ?? {}) as Partial<Record<string, unknown>>;
  return typeof name === 'string' && Number.isSafeInteger(from) && Number.isSafeInteger(to);
}

const NO_ANSWER_OF_FIRMWARE = refusal(
  'busy',
  'firmware has not answered a call yet, try again when it has; umount and mount interrupts readers',
);
const NO_ANSWER_OF_THE_KERNEL = refusal(
  'busy',
  'the kernel has not taken what it was told of dumps, try again',
);
const TAKEN_OVER = refusal('conflict', 'another process is taking it over');
const CANNOT_BE_WRITTEN = 'the daemon goes on, for what the next process has to know cannot be written';
const NOBODY_GOES_ON = refusal(
  'failed',
  'what the next process has to know could not be written and the daemon has ended, mount without --takeover',
);

function refusal(code: ControlErrorCode, message: string): ControlError {
  return { kind: 'error', code, message };
}
