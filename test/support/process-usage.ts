import { readdirSync, readFileSync } from 'node:fs';

/** What a process holds at this moment. */
export interface ProcessUsage {
  /** Resident memory, and the most it ever was, in MiB. */
  readonly rssMib: number;
  readonly peakMib: number;
  readonly threads: number;
  readonly descriptors: number;
}

/** @see proc(5) */
export function usageOf(pid: number): ProcessUsage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return {
    rssMib: field('VmRSS') / 1024,
    peakMib: field('VmHWM') / 1024,
    threads: field('Threads'),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}
