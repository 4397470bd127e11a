import { readFileSync } from 'node:fs';

/** USER_HZ, which all of Linux's architectures but alpha have at 100. */
const TICKS_PER_SECOND = 100;

/** Processor time that a process has used so far, user and system, in seconds. @see proc_pid_stat(5) */
export function processorSeconds(pid: number): number {
  // The name of the program may hold anything: what counts comes after its closing parenthesis.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
