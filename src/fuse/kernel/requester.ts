import { readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import type { InHeader } from './decode.js';

/**
 * What a task whose request was interrupted is about to do.
 *
 * - `leaving`: a signal ends it, or interrupts what it does.
 * - `waiting`: whatever came is harmless, it goes on afterwards.
 * - `awake`: it is not one that waits. Seldom because it is on its way to sleep, else because this number means another
 *   task here: the mount was made in another pid namespace.
 * - `unseen`: it cannot be looked at.
 */
export type Requester = 'leaving' | 'waiting' | 'awake' | 'unseen';

/** These do nothing, or stop the program until it is continued (signal(7)); all others end it, unless handled. */
const HARMLESS = maskOf([
  'SIGCHLD',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGWINCH',
]);

/**
 * Sent to have a program end. One that handles them waits for its system call to return. Other handled signals are timers,
 * children, progress: disk file systems do not return for these, and few programs expect it.
 */
const ENDING = maskOf(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGABRT', 'SIGXCPU']);

/** @param tid of `struct fuse_in_header`: a thread, or 0 for one that is in no namespace of the mount's */
export function lookAtRequester(tid: number): Requester {
  if (tid === 0 || !isProcOurs()) return 'unseen';
  try {
    return requesterIn(readFileSync(`/proc/${tid}/status`, 'latin1'));
  } catch {
    return 'unseen';
  }
}

/** @param status text of /proc/TID/status. @see proc_pid_status(5) */
export function requesterIn(status: string): Requester {
  const signals = (name: string): bigint => BigInt(`0x${lineOf(status, name) ?? '0'}`);
  const pending = (signals('SigPnd') | signals('ShdPnd')) & ~signals('SigBlk') & ~signals('SigIgn');
  const handled = signals('SigCgt');
  if ((pending & ~handled & ~HARMLESS) !== 0n || (pending & handled & ENDING) !== 0n) return 'leaving';
  // request_wait_answer() sleeps TASK_KILLABLE once it has asked for the interrupt.
  return lineOf(status, 'State')?.startsWith('D') === true ? 'waiting' : 'awake';
}

function lineOf(status: string, name: string): string | undefined {
  return new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status)?.[1];
}

/** One bit for each signal, the lowest for number 1. */
function maskOf(names: readonly NodeJS.Signals[]): bigint {
  return names.reduce((mask, name) => mask | (1n << BigInt(constants.signals[name] - 1)), 0n);
}

let procIsOurs: boolean | undefined;

/** False where /proc shows another pid namespace than the one this process is in. */
function isProcOurs(): boolean {
  procIsOurs ??= linkOf('/proc/self') === String(process.pid);
  return procIsOurs;
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

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
