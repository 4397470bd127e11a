import { execFile } from 'node:child_process';
import { loadKoffi } from '../base/koffi.js';

/** What came of an attempt to unmount. */
export type UmountResult =
  { readonly kind: 'done' } | { readonly kind: 'busy' } | { readonly kind: 'failed'; readonly why: string };

/**
 * Asks the system to unmount: umount(8) as root, without helpers and without a look at the path (that waits for a daemon
 * that hangs); else fusermount3 or fusermount, which is what a user may run who mounted through them. No shell is involved.
 *
 * @param mountpoint as the mount table has it
 * @param lazy Detach at once, whoever still uses it (MNT_DETACH).
 */
export async function runUmount(
  mountpoint: string,
  lazy: boolean,
  timeoutMs = 10_000,
): Promise<UmountResult> {
  let why = 'no unmount program found';
  for (const [program, ...args] of commands(lazy)) {
    const result = await run(program, [...args, '--', mountpoint], timeoutMs);
    if (result === 'missing') continue;
    if (result === 'no room') return { kind: unmountByCall(mountpoint, lazy) ? 'done' : 'busy' };
    if (result === '') return { kind: 'done' };
    if (/\bbusy\b/i.test(result)) return { kind: 'busy' };
    why = `${program}: ${result}`;
  }
  return { kind: 'failed', why };
}

function commands(lazy: boolean): (readonly [string, ...string[]])[] {
  if (process.getuid?.() === 0) return [['umount', '-i', '-c', ...(lazy ? ['-l'] : [])]];
  const flags = lazy ? '-uz' : '-u';
  return [
    ['fusermount3', flags],
    ['fusermount', flags],
  ];
}

/** No process can be started just now: limits of processes, of open files, of memory. */
const NO_ROOM = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM']);

/** Empty when the program succeeded, else what it complained about. */
function run(program: string, args: readonly string[], timeoutMs: number): Promise<string> {
  const options = { timeout: timeoutMs, env: { ...process.env, LC_ALL: 'C' } };
  return new Promise((resolve) => {
    execFile(program, args, options, (error, _stdout, stderr) => {
      if (error === null) resolve('');
      else if (error.code === 'ENOENT') resolve('missing');
      else if (NO_ROOM.has(String(error.code))) resolve('no room');
      else resolve(stderr.trim() || error.message);
    });
  });
}

// linux/fs.h
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

/**
 * umount2(2) by this process, for when no program can be started that does it.
 *
 * @returns whether it is unmounted; false also without koffi, or without the capability
 */
function unmountByCall(mountpoint: string, lazy: boolean): boolean {
  try {
    const umount2 = loadKoffi().load('libc.so.6').func('umount2', 'int', ['str', 'int']);
    return umount2(mountpoint, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) === 0;
  } catch {
    return false;
  }
}
