import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
const UNPACKED = join(CACHE, 'prometheus');

/** Of the Debian package prometheus, which is unpacked and not installed. @returns undefined where there is none to be had */
export function findPromtool(): string | undefined {
  if (spawnSync('promtool', ['--version']).status === 0) return 'promtool';
  const tool = join(UNPACKED, 'usr/bin/promtool');
  if (!existsSync(tool)) unpack();
  return existsSync(tool) ? tool : undefined;
}

function unpack(): void {
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'prometheus-'));
  try {
    const options = { cwd: work, timeout: 60_000 };
    if (spawnSync('apt-get', ['download', 'prometheus'], options).status !== 0) return;
    const [file] = readdirSync(work).filter((name) => name.endsWith('.deb'));
    if (file === undefined) return;
    if (spawnSync('dpkg-deb', ['-x', file, 'tree'], options).status !== 0) return;
    // Whoever was faster has the same.
    if (!existsSync(UNPACKED)) renameSync(join(work, 'tree'), UNPACKED);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
