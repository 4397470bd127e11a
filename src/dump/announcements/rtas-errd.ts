import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const NAME = 'rtas_errd';

/**
 * Whether rtas_errd runs, which reads the kernel's event log and leaves nothing in it for others. Reads a small file per
 * process, so it is for start-up.
 *
 * @see proc(5) for comm; names of up to 15 characters are whole there
 */
export function isRtasErrdRunning(proc = '/proc'): boolean {
  return processes(proc).some((pid) => commandOf(join(proc, pid, 'comm')) === NAME);
}

function processes(proc: string): readonly string[] {
  try {
    return readdirSync(proc).filter((name) => /^\d+$/.test(name));
  } catch {
    // Without /proc nobody can say; a log that exists is followed all the same.
    return [];
  }
}

function commandOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch {
    // The process has ended meanwhile.
    return undefined;
  }
}
