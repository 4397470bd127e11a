import { readFileSync } from 'node:fs';
import type { InHeader } from './decode.js';

/**
 * Supplementary groups of whoever sent a request: the kernel does not tell them.
 *
 * Empty where the process is not to be seen, in another PID namespace say, or is no longer the one that asked.
 *
 * @param status text of /proc/PID/status, by default of the process that the request names
 */
export function callerGroups(
  caller: Pick<InHeader, 'uid' | 'gid' | 'pid'>,
  status?: string,
): readonly number[] {
  const text = status ?? readStatus(caller.pid);
  // Real, effective, saved, file system: the last is what the kernel sends.
  const [uid, gid] = ['Uid', 'Gid'].map((name) => numbersOf(text, name)[3]);
  if (uid !== caller.uid || gid !== caller.gid) return [];
  return numbersOf(text, 'Groups');
}

function readStatus(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}

function numbersOf(status: string, field: string): number[] {
  const line = new RegExp(`^${field}:(.*)$`, 'm').exec(status)?.[1] ?? '';
  return line
    .split(/\s+/)
    .filter((word) => word !== '')
    .map(Number);
}
