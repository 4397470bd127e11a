import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

const SOCKET_SUFFIX = '.sock';

/**
 * Directory in which daemons of this user leave their control sockets; undefined where a user has none.
 *
 * @see systemd.exec(5) for RUNTIME_DIRECTORY (may be a list), the XDG Base Directory specification for the other
 */
export function runtimeDirectory(
  env: NodeJS.ProcessEnv = process.env,
  uid = process.getuid?.(),
): string | undefined {
  const [given] = (env['RUNTIME_DIRECTORY'] ?? '').split(':');
  if (given) return given;
  if (uid === 0) return '/run/platdumpfs';
  const ofUser = env['XDG_RUNTIME_DIR'];
  return ofUser ? join(ofUser, 'platdumpfs') : undefined;
}

/** File name of the socket of the daemon that serves `mountpoint`. Mount points are longer than sockets may be. */
export function socketName(mountpoint: string): string {
  return `${nameOf(mountpoint)}${SOCKET_SUFFIX}`;
}

/** What the next daemon at `mountpoint` has to know. */
export function handoverName(mountpoint: string): string {
  return `${nameOf(mountpoint)}.handover`;
}

/** The same, for one that has asked for it: whoever can ask has found the socket in the directory that there is. */
export function takeoverPath(mountpoint: string): string {
  return join(runtimeDirectory() ?? '', `${nameOf(mountpoint)}.takeover`);
}

function nameOf(mountpoint: string): string {
  return createHash('sha256').update(mountpoint).digest('hex').slice(0, 16);
}

export function isSocketName(name: string): boolean {
  return name.endsWith(SOCKET_SUFFIX);
}

/** Makes the directory, or checks that nobody else could replace what is in it. @throws Error */
export function ensurePrivateDirectory(directory: string, uid = process.getuid?.()): void {
  makeDirectory(directory);
  checkPrivateDirectory(directory, uid);
}

/** Node's own way to make what is above it as well never returns below /proc, where nothing can be made. */
function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(directory).isDirectory()) return;
    if (code !== 'ENOENT' || existsSync(dirname(directory))) throw error;
    makeDirectory(dirname(directory));
    mkdirSync(directory, { mode: 0o700 });
  }
}

/** @throws Error where there is no such directory, or others could replace what is in it */
export function checkPrivateDirectory(directory: string, uid = process.getuid?.()): void {
  const { mode, uid: owner } = lstatSync(directory);
  if (owner !== uid) throw new Error(`${directory} belongs to another user`);
  if ((mode & 0o022) !== 0) throw new Error(`${directory} can be written by other users`);
}
