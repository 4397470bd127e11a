import { readlinkSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { link, lstat, open, readdir, rename, rm, stat, statfs, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** What link(2) says where the file system (vfat, some network ones) has no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** File systems that are gone at the next boot: tmpfs (devtmpfs, too) and ramfs. @see statfs(2) */
const IN_MEMORY = new Set([0x0102_1994, 0x8584_58f6]);

/** Copies that are not complete yet carry host and process, so that what a killed one left is recognised. */
const PARTIAL = /^\.platdumpfs-(.*)-(\d+)-(0x[0-9a-f]{16})\.part$/;

/** Process numbers mean something within this only: a container may have its host's name. @see pid_namespaces(7) */
function numberSpace(): string {
  const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '';
  return `${hostname()}-${namespace}`;
}

export function partialPath(directory: string, tag: string): string {
  return join(directory, `.platdumpfs-${numberSpace()}-${process.pid}-${tag}.part`);
}

/** @throws Error in one line where nothing can be saved there */
export async function checkDirectory(path: string): Promise<void> {
  const stats = await stat(path).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      code === 'ENOENT' ? `${path} does not exist: create it with mkdir -p` : `${path}: ${code}`,
    );
  });
  if (!stats.isDirectory()) throw new Error(`${path} is not a directory`);
}

/** Removes what processes of this machine left that were killed while they saved. */
export async function clearPartials(directory: string): Promise<void> {
  const here = numberSpace();
  for (const name of await readdir(directory)) {
    const [, space, pid] = PARTIAL.exec(name) ?? [];
    if (space === here && !isAlive(Number(pid))) await rm(join(directory, name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Bytes that this user may still write there. */
export async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

/** Whether what is there is lost when the machine goes down. */
export async function isInMemory(directory: string): Promise<boolean> {
  return IN_MEMORY.has((await statfs(directory)).type);
}

/** Gives a complete file its name, unless a file has it: false then. Never overwrites. */
export async function giveName(partial: string, path: string): Promise<boolean> {
  try {
    await link(partial, path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EEXIST') return false;
    if (!NO_LINKS.has(code)) throw error;
    return giveNameByPlaceholder(partial, path);
  }
  // Where it stays, the next run clears it.
  await unlink(partial).catch(() => undefined);
  return true;
}

/** An empty file that is ours keeps the name until the complete one takes its place. */
async function giveNameByPlaceholder(partial: string, path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx', 0o600)).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    await rename(partial, path);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return true;
}

/** Whether a path is itself a name of the open file. */
export async function isNameOf(path: string, file: FileHandle): Promise<boolean> {
  const [named, opened] = await Promise.all([
    lstat(path, { bigint: true }).catch(() => undefined),
    file.stat({ bigint: true }),
  ]);
  return named?.dev === opened.dev && named.ino === opened.ino;
}

export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}
