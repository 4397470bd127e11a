import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { loadKoffi } from '../../base/koffi.js';
import type { Logger } from '../../base/log.js';

/** What keeps dump content out of places that outlive the process, or that others can look into. */
export interface Protection {
  readonly name: 'no core dump' | 'closed to debuggers' | 'freed memory overwritten';
  /** Why it is not there; undefined: it is. */
  readonly missing: string | undefined;
}

type Call = (...args: readonly number[]) => number;

interface Libc {
  readonly prctl: Call;
  readonly setrlimit: (resource: number, limit: BigUint64Array) => number;
  readonly mallopt: Call;
}

// linux/prctl.h, asm-generic/resource.h, malloc.h
const PR_SET_DUMPABLE = 4;
const RLIMIT_CORE = 4;
const M_PERTURB = -6;
/**
 * Bytes that a core may have. Not 0: where core_pattern is a pipe, which is what most distributions have, the kernel takes
 * every limit for none but this one (fs/coredump.c). A file of so few bytes is not written either.
 */
const CORE_LIMIT_BYTES = 1;
/** Any but 0: what is freed is filled with it (mallopt(3)). */
const PERTURB_BYTE = 0xdb;

/**
 * Makes this process one that leaves no core, that only root may look into (/proc/PID/mem, ptrace(2)), and whose
 * freed memory holds nothing. Says in one line what could not be done.
 */
export function hardenProcess(log: Logger): void {
  // Node would open a debugger's port for whoever sends this signal.
  process.on('SIGUSR1', () => undefined);
  const missing = protect().filter((protection) => protection.missing !== undefined);
  if (missing.length === 0) return;
  log.warn('this process could not be protected in full', {
    without: missing.map(({ name }) => name).join(', '),
    why: missing[0]?.missing,
  });
}

/**
 * Applies to the calling process, as much of it as is possible.
 *
 * @public A test loads it from what is compiled, in a process of its own.
 */
export function protect(): readonly Protection[] {
  // While the file is still ours: PR_SET_DUMPABLE gives it to root.
  leaveMemoryOutOfCores();
  try {
    const libc = loadLibc();
    const limit = new BigUint64Array(2).fill(BigInt(CORE_LIMIT_BYTES));
    return [
      { name: 'no core dump', missing: failed(libc.setrlimit(RLIMIT_CORE, limit), 'setrlimit') },
      { name: 'closed to debuggers', missing: failed(libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), 'prctl') },
      {
        name: 'freed memory overwritten',
        // The one call of the three that returns 1 for success.
        missing: failed(libc.mallopt(M_PERTURB, PERTURB_BYTE) - 1, 'mallopt'),
      },
    ];
  } catch {
    return withoutLibc('the optional package koffi cannot be loaded');
  }
}

/** A core that is made all the same, as one that goes to a socket, has no memory in it then (core(5)). */
function leaveMemoryOutOfCores(): void {
  try {
    writeFileSync('/proc/self/coredump_filter', '0');
  } catch {
    // A kernel without it, or /proc is read-only: the limit has to do.
  }
}

/** prlimit(1) of util-linux does for another process what Node cannot do for itself. */
function withoutLibc(why: string): readonly Protection[] {
  return [
    { name: 'no core dump', missing: limitCore() ? undefined : why },
    { name: 'closed to debuggers', missing: why },
    { name: 'freed memory overwritten', missing: why },
  ];
}

function limitCore(): boolean {
  const limit = `--core=${CORE_LIMIT_BYTES}:${CORE_LIMIT_BYTES}`;
  try {
    execFileSync('prlimit', [`--pid=${process.pid}`, limit], { stdio: 'ignore', timeout: 5000 });
    return true;
  } catch {
    return false;
  }
}

/** Declared with fixed arguments: on the 64-bit ABIs of Linux these travel like variable ones. */
function loadLibc(): Libc {
  const library = loadKoffi().load('libc.so.6');
  const words = Array<string>(4).fill('unsigned long');
  return {
    prctl: library.func('prctl', 'int', ['int', ...words]) as Call,
    setrlimit: library.func('setrlimit', 'int', ['int', 'uint64_t *']) as Libc['setrlimit'],
    mallopt: library.func('mallopt', 'int', ['int', 'int']) as Call,
  };
}

function failed(result: number, call: string): string | undefined {
  return result === 0 ? undefined : `${call} failed`;
}
