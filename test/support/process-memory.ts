import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** Where a pattern was found. */
export interface Found {
  readonly address: number;
  /** Last column of the line in /proc/PID/maps: a file, `[heap]`, `[stack]`, or empty for anonymous memory. */
  readonly mapping: string;
}

const STEP_BYTES = 8 * 1024 * 1024;

/**
 * Looks for bytes in all memory that a process can read, as a debugger would. Needs root, since the program makes itself
 * unreadable for others.
 *
 * @see proc(5)
 */
export function searchMemory(pid: number, pattern: Uint8Array): readonly Found[] {
  const fd = openSync(`/proc/${pid}/mem`, 'r');
  try {
    return mappings(pid).flatMap((mapping) => searchMapping(fd, mapping, pattern));
  } finally {
    closeSync(fd);
  }
}

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

function mappings(pid: number): readonly Mapping[] {
  return readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, from, to, access, name] = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$/.exec(line) ?? [];
      if (from === undefined || to === undefined || access?.startsWith('r') !== true) return [];
      // The kernel's own pages cannot be read in this way, and hold nothing of the process.
      if (name === '[vvar]' || name === '[vsyscall]' || name === '[vvar_vclock]') return [];
      return { start: parseInt(from, 16), end: parseInt(to, 16), name: name ?? '' };
    });
}

function searchMapping(fd: number, { start, end, name }: Mapping, pattern: Uint8Array): Found[] {
  const found: Found[] = [];
  const overlap = pattern.length - 1;
  const buffer = Buffer.alloc(Math.min(STEP_BYTES, end - start) + overlap);
  for (let at = start; at < end; at += STEP_BYTES) {
    const length = readAt(fd, buffer.subarray(0, Math.min(buffer.length, end - at)), at);
    const bytes = buffer.subarray(0, length);
    for (let hit = bytes.indexOf(pattern); hit >= 0; hit = bytes.indexOf(pattern, hit + 1))
      if (hit < STEP_BYTES) found.push({ address: at + hit, mapping: name });
  }
  return found;
}

/** Fewer bytes than asked where the mapping has gone meanwhile, or nothing is behind it. */
function readAt(fd: number, into: Uint8Array, position: number): number {
  try {
    let done = 0;
    while (done < into.length) {
      const count = readSync(fd, into, done, into.length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EIO') return 0;
    throw error;
  }
}
