import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = 'rtas_errd';

/**
 * Whether rtas_errd runs, which reads the kernel's event log and leaves nothing in it for others.
 *
 * @see proc(5) for comm; names of up to 15 characters are whole there
 */
export async function isRtasErrdRunning(proc = '/proc'): Promise<boolean> {
  const names = await readdir(proc).catch(() => []);
  for (const pid of names.filter((name) => /^\d+$/.test(name))) {
    // A process may end while we look.
    const comm = await readFile(join(proc, pid, 'comm'), 'utf8').catch(() => '');
    if (comm.trimEnd() === NAME) return true;
  }
  return false;
}
