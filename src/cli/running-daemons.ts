import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { resolveMountpoint } from '../fuse/index.js';
import { askDaemon, isAnswered } from './control/control-client.js';
import type { ControlResponse, DaemonStatus } from './control/control-protocol.js';
import { CommandError, EXIT, usageError } from './exit-status.js';
import { isSocketName, runtimeDirectory, socketName } from './runtime-directory.js';

/** What connect(2) says where a killed daemon left its socket, or none is. */
const NOBODY_THERE = new Set(['ECONNREFUSED', 'ENOENT']);

/** @throws CommandError when nobody serves `mountpoint` */
export async function askDaemonAt(mountpoint: string): Promise<ControlResponse> {
  const name = await socketNameAt(mountpoint);
  const directory = runtimeDirectory();
  const response = directory === undefined ? undefined : await askIfThere(join(directory, name));
  if (response !== undefined) return response;
  throw new CommandError(EXIT.failed, `no platdumpfs of this user serves ${mountpoint}`);
}

/** @returns undefined when none runs @throws CommandError when several do */
export async function askOnlyDaemon(): Promise<ControlResponse | undefined> {
  const directory = runtimeDirectory();
  const responses = await Promise.all(directory === undefined ? [] : socketsIn(directory).map(askIfThere));
  const answers = responses.filter((response) => response !== undefined);
  if (answers.length > 1) {
    const where = answers.map((answer) => ('mountpoint' in answer ? answer.mountpoint : '?'));
    throw usageError(`several mounts are served, name one of them: ${where.sort().join(', ')}`);
  }
  return answers[0];
}

/**
 * The socket of the daemon at `mountpoint`, or of the only one that runs.
 * @throws CommandError when there is none, or several
 */
export async function socketOfDaemon(mountpoint: string | undefined): Promise<string> {
  const directory = runtimeDirectory();
  if (directory !== undefined) {
    const paths =
      mountpoint === undefined ? socketsIn(directory) : [join(directory, await socketNameAt(mountpoint))];
    const answered = await Promise.all(paths.map(isAnswered));
    const [path, ...others] = paths.filter((_, at) => answered[at] === true);
    if (others.length > 0) throw usageError('several mounts are served, name one of them');
    if (path !== undefined) return path;
  }
  const where = mountpoint === undefined ? 'runs' : `serves ${mountpoint}`;
  throw new CommandError(EXIT.failed, `no platdumpfs of this user ${where}`);
}

/** Daemons of this user that say what they are. */
export async function statusOfDaemons(): Promise<readonly DaemonStatus[]> {
  const directory = runtimeDirectory();
  const paths = directory === undefined ? [] : socketsIn(directory);
  // One that does not answer, or is of another version, has a mount, which is looked at as well.
  const answers = await Promise.all(
    paths.map((path) => askDaemon(path, '/v1/status').catch(() => undefined)),
  );
  return answers.flatMap((answer) => (answer?.kind === 'status' ? [answer] : []));
}

async function socketNameAt(mountpoint: string): Promise<string> {
  return socketName(await resolveMountpoint(mountpoint).catch(() => mountpoint));
}

async function askIfThere(path: string): Promise<ControlResponse | undefined> {
  try {
    return await askDaemon(path, '/v1/dumps');
  } catch (error) {
    if (NOBODY_THERE.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new CommandError(
      EXIT.failed,
      `asking the daemon behind ${path} failed: ${(error as Error).message}`,
    );
  }
}

function socketsIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter(isSocketName)
      .map((name) => join(directory, name));
  } catch {
    // No directory, no daemon.
    return [];
  }
}
