import { mustRun } from '../test/support/run-tool.js';
import { MIB } from './units.js';

const LIMIT_MS = 300_000;

/**
 * Reads a file with a user's program and gives the rate, in MiB/s. The shell holds the stopwatch: to start a program from
 * a process as large as this one takes tens of milliseconds.
 */
export async function copyRate(path: string, sizeBytes: number): Promise<number> {
  const script = 'TIMEFORMAT=%R; time cp "$1" /dev/null';
  const { stderr } = await mustRun('bash', ['-c', script, 'bash', path], { timeoutMs: LIMIT_MS });
  return sizeBytes / MIB / Number(stderr);
}

/** Rate of a sequential read in pieces of 1 MiB, in MiB/s, as `dd` itself measures it. */
export async function readRate(path: string): Promise<number> {
  const { stderr } = await mustRun('dd', [`if=${path}`, 'of=/dev/null', 'bs=1M'], { timeoutMs: LIMIT_MS });
  const [, bytes, seconds] = /(\d+) bytes.*copied, ([\d.e-]+) s/.exec(stderr) ?? [];
  return Number(bytes) / MIB / Number(seconds);
}

/** Makes the kernel forget the pages of a file: the next reader has to ask whoever serves it. */
export async function dropPages(path: string): Promise<void> {
  await mustRun('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
}

/**
 * Removes a dump as a user does. Not from within this process: it is signalled whenever one of its children ends, and a
 * signal interrupts what waits for firmware.
 */
export async function remove(path: string): Promise<void> {
  await mustRun('rm', ['-f', path]);
}

/** Time that a program takes, milliseconds. The shell holds the stopwatch. */
export async function runMs(program: string, args: readonly string[]): Promise<number> {
  const script = 'TIMEFORMAT=%R; time "$@" > /dev/null';

  const { stderr } = await mustRun('bash', ['-c', script, 'bash', program, ...args], { timeoutMs: LIMIT_MS });
  return 1000 * Number(stderr);
}
