import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { OWN_FSTYPE, mountsAt, ownMounts, resolveMountpoint } from '../../fuse/index.js';
import { askDaemon } from '../control/control-client.js';
import type { ControlResponse, DaemonStatus } from '../control/control-protocol.js';
import { CommandError, EXIT, usageError } from '../exit-status.js';
import { printError } from '../print.js';
import { checkPrivateDirectory, isSocketName, runtimeDirectory, socketName } from '../runtime-directory.js';

/** What connect(2) says where a killed daemon left its socket, or none is. */
const NOBODY_THERE = new Set(['ECONNREFUSED', 'ENOENT']);

/** A daemon of this user, and what it answered, or why it did not. */
export interface AskedDaemon {
  readonly socketPath: string;
  /** Its mount point; its socket where neither the daemon nor the mount table tells that. */
  readonly place: string;
  readonly answer: ControlResponse | CommandError;
}

/** As far as it matters who it is, and what is known of it. */
export type Answered = Pick<AskedDaemon, 'place' | 'answer'>;

/** Nobody who can be asked. */
export class NobodyServes extends CommandError {}

/**
 * Asks the daemon at `mountpoint`, under whatever name it mounted that, or all of this user, all at once: one that hangs delays the others by the time after
 * which it counts as silent, and does nothing else to them.
 *
 * @throws NobodyServes @throws CommandError where others could have put sockets there
 */
export async function askDaemons(route: string, mountpoint: string | undefined): Promise<AskedDaemon[]> {
  const directory = runtimeDirectory();
  const names = directory === undefined ? [] : await socketNames(directory, mountpoint);
  const daemons = await askSockets(directory ?? '', names, route);
  if (daemons.length > 0 || mountpoint === undefined) return daemons;
  const elsewhere = directory === undefined ? undefined : await daemonOfDevice(directory, mountpoint);
  if (elsewhere !== undefined) return askSockets(dirname(elsewhere), [basename(elsewhere)], route);
  throw new NobodyServes(EXIT.failed, `no platdumpfs of this user serves ${mountpoint}`);
}

async function askSockets(
  directory: string,
  names: readonly string[],
  route: string,
): Promise<AskedDaemon[]> {
  const asked = await Promise.all(names.map((name) => askIfThere(join(directory, name), route)));
  // Sockets are in no order that means anything.
  return asked.filter((daemon) => daemon !== undefined).sort((a, b) => (a.place < b.place ? -1 : 1));
}

/** Socket of the daemon whose mount is seen at `mountpoint` here, and elsewhere where that runs: in another container. */
async function daemonOfDevice(directory: string, mountpoint: string): Promise<string | undefined> {
  const here = mountsAt(await resolveMountpoint(mountpoint).catch(() => mountpoint)).at(-1);
  if (here?.fstype !== OWN_FSTYPE) return undefined;
  const daemons = await askSockets(directory, await socketNames(directory, undefined), '/v1/status');
  const device = `0:${here.deviceMinor}`;
  return daemons.find(({ answer }) => 'device' in answer && answer.device === device)?.socketPath;
}

/**
 * Where the mount of a daemon is seen from here: where it says, or under another name in a container.
 *
 * @returns undefined: nowhere
 */
export async function placeHere({
  socketPath,
  place,
}: Pick<AskedDaemon, 'socketPath' | 'place'>): Promise<string | undefined> {
  const status = await askDaemon(socketPath, '/v1/status').catch(() => ({}));
  const mounts = ownMounts();
  const isThere = mounts.some(({ mountpoint }) => mountpoint === place);
  const device = 'device' in status ? status.device : undefined;
  if (device === undefined) return isThere ? place : undefined;
  const same = mounts.filter(({ deviceMinor }) => device === `0:${deviceMinor}`);
  return (same.find(({ mountpoint }) => mountpoint === place) ?? same[0])?.mountpoint;
}

/**
 * The one that is meant, which is the only one that answers. Why others do not is said on standard error.
 *
 * @throws CommandError where none answers, or several do
 */
export function onlyDaemon<T extends Answered>(daemons: readonly T[]): T & { answer: ControlResponse } {
  const [found, ...others] = daemons.filter(isAnswer);
  if (others.length > 0) throw usageError(severalServed(daemons));
  const failures = daemons.flatMap(({ answer }) => (answer instanceof CommandError ? [answer] : []));
  if (found === undefined)
    throw worstOf(failures) ?? new CommandError(EXIT.failed, 'no platdumpfs of this user runs');
  for (const { message } of failures) printError(message);
  return found;
}

/** Where no daemon can be asked, a mount that is seen here still has its files. */
export function nobodyRuns(): CommandError {
  const seen = ownMounts().map(({ mountpoint }) => mountpoint);
  const hint = seen.length === 0 ? '' : `; a mount that is seen here has to be named: ${seen.join(', ')}`;
  return new CommandError(EXIT.failed, `no platdumpfs of this user runs${hint}`);
}

/** The failure that the command is to end with. The others are said on standard error. */
export function worstOf(failures: readonly CommandError[]): CommandError | undefined {
  const worst = failures.find(({ status }) => status === EXIT.lockedDown) ?? failures[0];
  for (const failure of failures) if (failure !== worst) printError(failure.message);
  return worst;
}

export function severalServed(daemons: readonly Pick<AskedDaemon, 'place'>[]): string {
  const places = daemons.map(({ place }) => place);
  return `several mounts are served, name one of them: ${places.join(', ')}`;
}

/** Daemons of this user that say what they are. One that does not has a mount, which is looked at as well. */
export async function statusOfDaemons(): Promise<readonly DaemonStatus[]> {
  const asked = await askDaemons('/v1/status', undefined).catch(() => []);
  return asked.flatMap(({ answer }) => ('kind' in answer && answer.kind === 'status' ? [answer] : []));
}

function isAnswer<T extends Answered>(daemon: T): daemon is T & { answer: ControlResponse } {
  return !(daemon.answer instanceof CommandError);
}

async function askIfThere(socketPath: string, route: string): Promise<AskedDaemon | undefined> {
  try {
    const answer = await askDaemon(socketPath, route);
    const place = 'mountpoint' in answer ? answer.mountpoint : placeOf(socketPath);
    return { socketPath, place, answer };
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (NOBODY_THERE.has(code)) return undefined;
    const place = placeOf(socketPath);
    return { socketPath, place, answer: new CommandError(EXIT.failed, `${place}: ${message}`) };
  }
}

/** Sockets are named for mount points, by a hash. */
function placeOf(socketPath: string): string {
  const mount = ownMounts().find(({ mountpoint }) => socketPath.endsWith(socketName(mountpoint)));
  return mount?.mountpoint ?? socketPath;
}

/** @throws CommandError where others could have put sockets there */
async function socketNames(directory: string, mountpoint: string | undefined): Promise<readonly string[]> {
  try {
    checkPrivateDirectory(directory);
    if (mountpoint === undefined) return readdirSync(directory).filter(isSocketName);
  } catch (error) {
    // No directory, no daemon.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new CommandError(EXIT.failed, `no daemon is asked: ${(error as Error).message}`);
  }
  return [socketName(await resolveMountpoint(mountpoint).catch(() => mountpoint))];
}
