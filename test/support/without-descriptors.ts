import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readdirSync } from 'node:fs';

/** How many may be open for a moment beside those that are open already. */
const BESIDE = 64;

/** Runs what begins while no descriptor is left to this process, and has some again when it has begun. */
export function withoutDescriptors<T>(begin: () => T): T {
  const highest = Math.max(...readdirSync('/proc/self/fd').map(Number));
  const before = setLimit(String(highest + BESIDE));
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    return begin();
  } finally {
    for (const fd of taken) closeSync(fd);
    setLimit(before);
  }
}

/** @returns the soft limit that was there */
function setLimit(soft: string): string {
  const pid = `--pid=${process.pid}`;
  const shown = spawnSync('prlimit', [pid, '--nofile', '--noheadings', '--output=SOFT'], {
    encoding: 'utf8',
  });
  const { status, stderr } = spawnSync('prlimit', [pid, `--nofile=${soft}:`], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`prlimit failed: ${stderr}`);
  return shown.stdout.trim();
}
