import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ownMounts, resolveMountpoint } from '../../fuse/index.js';
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

/**
 * Asks the daemon at `mountpoint`, or all of this user, all at once: one that hangs delays the others by the time after
 * which it counts as silent, and does nothing else to them.
 *
 * @throws CommandError where nobody serves `mountpoint`, or others could have put sockets there
 */
export async function askDaemons(route: string, mountpoint: string | undefined): Promise<AskedDaemon[]> {
  const directory = runtimeDirectory();
  const names = directory === undefined ? [] : await socketNames(directory, mountpoint);
  const asked = await Promise.all(names.map((name) => askIfThere(join(directory ?? '', name), route)));
  // Sockets are in no order that means anything.
  const daemons = asked.filter((daemon) => daemon !== undefined).sort((a, b) => (a.place < b.place ? -1 : 1));
  if (daemons.length === 0 && mountpoint !== undefined)
    throw new CommandError(EXIT.failed, `no platdumpfs of this user serves ${mountpoint}`);
  return daemons;
}

/**
 * The one that is meant, which is the only one that answers. Why others do not is said on standard error.
 *
 * @throws CommandError where none answers, or several do
 */
export function onlyDaemon(daemons: readonly AskedDaemon[]): AskedDaemon & { answer: ControlResponse } {
  const [found, ...others] = daemons.filter(isAnswer);
  if (others.length > 0) throw usageError(severalServed(daemons));
  const failures = daemons.flatMap(({ answer }) => (answer instanceof CommandError ? [answer] : []));
  if (found === undefined)
    throw worstOf(failures) ?? new CommandError(EXIT.failed, 'no platdumpfs of this user runs');
  for (const { message } of failures) printError(message);
  return found;
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

function isAnswer(daemon: AskedDaemon): daemon is AskedDaemon & { answer: ControlResponse } {
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
