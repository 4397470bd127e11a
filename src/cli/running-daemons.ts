import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { resolveMountpoint } from '../fuse/index.js';
import { askDaemon } from './control-client.js';
import type { ControlResponse } from './control-protocol.js';
import { CommandError, EXIT, usageError } from './exit-status.js';
import { isSocketName, runtimeDirectory, socketName } from './runtime-directory.js';

/** What connect(2) says where a killed daemon left its socket, or none is. */
const NOBODY_THERE = new Set(['ECONNREFUSED', 'ENOENT']);

/** @throws CommandError when nobody serves `mountpoint` */
export async function askDaemonAt(mountpoint: string): Promise<ControlResponse> {
  const name = socketName(await resolveMountpoint(mountpoint).catch(() => mountpoint));
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

async function askIfThere(path: string): Promise<ControlResponse | undefined> {
  try {
    return await askDaemon(path, { request: 'list' });
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
