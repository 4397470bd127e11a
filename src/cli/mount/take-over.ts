import { randomBytes } from 'node:crypto';
import { closeSync, readlinkSync, rmSync } from 'node:fs';
import { ProcessHandle } from '../../base/process-handle.js';
import type { SystemCallError } from '../../base/libc.js';
import type { HandedDevice } from '../../fuse/index.js';
import { isStillMounted, mountsAt, resolveMountpoint } from '../../fuse/index.js';
import type { ExplainedGate } from '../../lockdown/index.js';
import { askDaemon } from '../control/control-client.js';
import type { ControlResponse, HandoverOffer } from '../control/control-protocol.js';
import { CommandError, EXIT, usageError } from '../exit-status.js';
import { askDaemons, NobodyServes } from '../query/running-daemons.js';
import { takeoverPath } from '../runtime-directory.js';
import { HANDED_FORMAT } from './handed-mount.js';
import { readHandoverFile, takeHandoverFile } from './handover-file.js';
import type { Predecessor } from './handover.js';
import { predecessorWith } from './handover.js';
import type { MountRequest } from './mount-request.js';
import { madeWith, passedDescriptor } from './mount-request.js';

/** The other one ends what it has begun, firmware calls and notifications, before it answers. */
const ANSWER_MS = 20_000;
/** Threads that are inside a firmware call are waited for, though not for ever. */
const END_MS = 15_000;
const LOOK_MS = 50;

const IF_IT_HANGS = 'if it hangs, kill -9 it and mount without --takeover, which interrupts readers';
const STOPPED = 'stopped by a signal before it was left to this process';
const NOBODY = 'no platdumpfs of this user serves it, mount without --takeover';

/** The mount of a daemon that runs, which may end yet: it serves on until `handOver`. */
export interface RunningMount {
  readonly device: HandedDevice;
  /**
   * Has the daemon end, and waits for that.
   *
   * @param gate At its rise nothing is left of what the daemon wrote down, unless it has ended: a daemon that hangs does not look.
   * @param signal Aborts what nobody wants any more, as long as the daemon goes on by itself.
   * @throws CommandError
   */
  handOver(gate: ExplainedGate, signal: AbortSignal): Promise<Predecessor>;
}

/**
 * Finds the daemon that serves the mount point, and takes hold of its FUSE device. Nothing has happened to it then.
 *
 * @throws CommandError in one line, what to do included
 */
export async function findRunningMount(request: MountRequest): Promise<RunningMount> {
  if (passedDescriptor(request.mountpoint) !== undefined)
    throw usageError('--takeover needs the directory of a mount');
  if (request.settings.transport === 'fuse-native')
    throw usageError('--takeover and --transport=fuse-native exclude each other');
  const { socketPath, offer } = await findOffer(request.mountpoint);
  const { mountpoint, pid, descriptor } = offer;
  if (offer.format !== HANDED_FORMAT)
    throw cannot(mountpoint, 'the program that serves it is of another version, umount and mount');
  checkOptions(offer, request);
  if (offer.pidNamespace !== readlinkSync('/proc/self/ns/pid'))
    throw cannot(
      mountpoint,
      'its daemon runs where processes have other numbers, in another container: run this there',
    );
  const mountId = mountsAt(mountpoint).at(-1)?.id;
  const daemon = openProcess(mountpoint, pid);
  const device = { fd: takeDescriptor(mountpoint, daemon, descriptor), mountpoint, mountId: mountId ?? -1 };
  if (!isStillMounted(device)) {
    closeSync(device.fd);
    throw cannot(mountpoint, `process ${pid} serves another mount`);
  }
  return {
    device,
    handOver: (gate, signal) => handOver({ socketPath, device, daemon, request }, gate, signal),
  };
}

async function findOffer(path: string): Promise<{ socketPath: string; offer: HandoverOffer }> {
  const mountpoint = await resolveMountpoint(path).catch(() => path);
  const [found] = await askDaemons('/v1/handover', mountpoint).catch((error: unknown) => {
    throw error instanceof NobodyServes ? cannot(mountpoint, NOBODY) : error;
  });
  if (found === undefined) throw cannot(mountpoint, NOBODY);
  const { socketPath, answer } = found;
  if (answer instanceof CommandError) {
    const { message } = answer;
    throw cannot(mountpoint, `${message}; ${IF_IT_HANGS}`);
  }
  const offer = understood(mountpoint, answer, 'handover');
  if (offer.mountpoint !== mountpoint)
    throw cannot(mountpoint, `it is mounted at ${offer.mountpoint}: name that`);
  return { socketPath, offer };
}

/** @throws CommandError where it is something else than was asked for */
function understood<Kind extends ControlResponse['kind']>(
  mountpoint: string,
  answer: ControlResponse,
  kind: Kind,
): Extract<ControlResponse, { kind: Kind }> {
  if (answer.kind === kind) return answer as Extract<ControlResponse, { kind: Kind }>;
  if (answer.kind === 'locked')
    throw new CommandError(
      EXIT.lockedDown,
      `locked down, no dump may be shown: ${mountpoint} stays as it is`,
    );
  if (answer.kind === 'error' && answer.code === 'not-found')
    throw cannot(mountpoint, 'the program that serves it is too old for that, umount and mount');
  throw cannot(mountpoint, answer.kind === 'error' ? answer.message : `the daemon answered ${answer.kind}`);
}

/** How the user names what a mount was made with. */
const WORDS: Readonly<Record<string, string>> = {
  source: '--source',
  fsname: 'SOURCE, the first of two words and not --source,',
  allowOther: '--allow-other',
  readOnly: '--read-only',
  kernelOptions: '-o',
};

function checkOptions(offer: HandoverOffer, request: MountRequest): void {
  const wanted: HandoverOffer['madeWith'] = { ...madeWith(request) };
  const differing = Object.keys({ ...wanted, ...offer.madeWith })
    // Compared already, without symbolic links.
    .filter((key) => key !== 'mountpoint')
    .find((key) => JSON.stringify(wanted[key]) !== JSON.stringify(offer.madeWith[key]));
  if (differing === undefined) return;
  const was = [offer.madeWith[differing]].flat().join(',');
  throw usageError(
    `cannot take over ${offer.mountpoint}: ${WORDS[differing] ?? differing} was ${was}, which only another mount can change`,
  );
}

function openProcess(mountpoint: string, pid: number): ProcessHandle {
  try {
    return new ProcessHandle(pid);
  } catch (error) {
    throw cannot(mountpoint, (error as Error).message);
  }
}

function takeDescriptor(mountpoint: string, daemon: ProcessHandle, descriptor: number): number {
  try {
    return daemon.descriptor(descriptor);
  } catch (error) {
    const { code, message } = error as SystemCallError;
    const hint = code === 'EPERM' ? ': be root, with the capability SYS_PTRACE in a container' : '';
    throw cannot(mountpoint, `${message}${hint}`);
  }
}

interface Running {
  readonly socketPath: string;
  readonly device: HandedDevice;
  readonly daemon: ProcessHandle;
  readonly request: MountRequest;
}

async function handOver(running: Running, gate: ExplainedGate, signal: AbortSignal): Promise<Predecessor> {
  const { device, request } = running;
  const { mountpoint } = device;
  const name = randomBytes(16).toString('hex');
  const path = takeoverPath(mountpoint);
  gate.onRise(() => removeUnlessEnded(path));
  try {
    await ended(running, name, signal);
  } catch (error) {
    dropHandoverFile(path, name);
    throw error;
  }
  try {
    const mount = takeHandoverFile(path, name);
    if (!isStillMounted(device)) throw new Error('it is not mounted any more');
    return predecessorWith(device, mount, request);
  } catch (error) {
    throw cannot(
      mountpoint,
      `its daemon has ended without leaving it to this process, mount without --takeover: ${(error as Error).message}`,
    );
  }
}

/** A daemon that has ended, or is about to, tells by it which pages the kernel has to drop. */
function removeUnlessEnded(path: string): void {
  try {
    if (readHandoverFile(path).isEnded) return;
  } catch {
    // There is none, or it is of no use.
  }
  rmSync(path, { force: true });
}

/** This process does not go on, whatever was written for it. */
function dropHandoverFile(path: string, name: string): void {
  try {
    takeHandoverFile(path, name);
  } catch {
    // There is none, or it is another one's.
  }
}

/** Asks the daemon to leave the mount, and waits for its end. @throws CommandError */
async function ended(
  { socketPath, device, daemon }: Running,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const { mountpoint } = device;
  const body = { name, from: daemon.pid, to: process.pid };
  const call = { method: 'POST', body, silenceMs: ANSWER_MS, signal } as const;
  // Killed, it does not answer, and may have left everything that is needed.
  const answer = await askDaemon(socketPath, '/v1/handover', call).catch((error: unknown) => error as Error);
  if (!(answer instanceof Error)) understood(mountpoint, answer, 'handed-over');
  if (signal.aborted && (await servesOn(socketPath, daemon))) throw cannot(mountpoint, STOPPED);
  if (!(await daemon.endsWithin(END_MS))) {
    if (answer instanceof Error) throw cannot(mountpoint, `${answer.message}; ${IF_IT_HANGS}`);
    // It has left the mount, and removes nothing any more.
    daemon.kill();
    if (!(await daemon.endsWithin(END_MS)))
      throw cannot(mountpoint, `process ${daemon.pid} does not end: mount without --takeover when it has`);
  }
  daemon[Symbol.dispose]();
}

/** Whether the daemon has noticed in time that nobody waits any more. */
async function servesOn(socketPath: string, daemon: ProcessHandle): Promise<boolean> {
  while (!(await daemon.endsWithin(LOOK_MS))) {
    const answer = await askDaemon(socketPath, '/v1/handover').catch(() => undefined);
    if (answer?.kind === 'handover' || answer?.kind === 'locked') return true;
    // It ends, or does not answer.
    if (answer === undefined) return false;
  }
  return false;
}

function cannot(mountpoint: string, why: string): CommandError {
  return new CommandError(EXIT.couldNotMount, `cannot take over ${mountpoint}: ${why}`);
}
