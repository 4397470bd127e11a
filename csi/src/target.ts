import { status } from '@grpc/grpc-js';
import { lstat, mkdir, realpath, rmdir } from 'node:fs/promises';
import { dirname, normalize } from 'node:path';
import type { Mount } from './mount-table.js';
import { mountAt, readMounts } from './mount-table.js';
import { run } from './programs.js';
import { Refusal } from './refusal.js';
import type { Settings } from './settings.js';

/** @throws Refusal INVALID_ARGUMENT for whatever is no place below the pods of this node */
export function checkTarget(path: string, { kubeletDir }: Settings): string {
  if (path === '') throw invalid('the target path is missing');
  const isPlain = normalize(path) === path && !path.endsWith('/') && !path.includes('\0');
  if (!isPlain || !path.startsWith(`${kubeletDir}/pods/`))
    throw invalid(`${path} is no path below ${kubeletDir}/pods`);
  return path;
}

/** Whether the directory of the dumps is mounted at a target, and nothing on top of it. */
export function isPublished(path: string, settings: Settings): boolean {
  return isOurs(mountAt(path), settings);
}

/** The directory with the mount, not the mount alone: what the daemon mounts next is seen as well, without this plugin. */
export async function publish(path: string, settings: Settings): Promise<void> {
  await clear(path);
  await makeDirectory(path);
  await run('mount', ['--rbind', settings.source, path]);
}

/** The directory above is kubelet's to make: what is left of a pod that has gone is not made again. */
async function makeDirectory(path: string): Promise<void> {
  await checkParent(path);
  await mkdir(path, { mode: 0o750 }).catch(async (error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (!(await lstat(path)).isDirectory()) throw invalid(`${path} is there, and no directory`);
  });
}

/** What is mounted, made or removed would be so at another place than the mount table is asked about. */
async function checkParent(path: string): Promise<void> {
  const parent = dirname(path);
  if ((await realpath(parent)) !== parent) throw invalid(`${parent} is reached by a symbolic link`);
}

function invalid(message: string): Refusal {
  return new Refusal(status.INVALID_ARGUMENT, message);
}

/** Takes away what is published, whole or half, and the directory. What is not there is no failure. */
export async function unpublish(path: string): Promise<void> {
  await clear(path);
  try {
    await checkParent(path);
    await rmdir(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Layer by layer, also what an earlier plugin left. Nobody but a driver mounts there. */
async function clear(path: string): Promise<void> {
  // Lazily: with the mounts in it, and whoever still reads keeps them until he closes.
  while (mountAt(path) !== undefined) await run('umount', ['--lazy', '--no-canonicalize', path]);
}

function isOurs(mount: Mount | undefined, { source }: Settings): boolean {
  const from = mountAt(source, readMounts());
  return mount !== undefined && mount.device === from?.device && mount.root === from.root;
}
