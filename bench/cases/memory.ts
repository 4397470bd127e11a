import { open } from 'node:fs/promises';
import { usageOf } from '../../test/support/process-usage.js';
import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { MemoryGroup } from '../memory-group.js';
import { GIB, MIB } from '../units.js';

const LIMIT_MIB = 192;
const READERS = 32;

export const memory: readonly BenchCase[] = [
  {
    name: `peak memory, 64 GiB dump, ${READERS} readers, ${LIMIT_MIB} MiB group`,
    baseline: 'the same with 3 GiB',
    goal: { atMost: 1.1 },
    unit: 'MiB',
    run,
  },
];

async function run({ quick }: Scale): Promise<Measured> {
  await using group = new MemoryGroup(LIMIT_MIB * MIB);
  // A pass over 64 GiB takes a minute and more: when there is little time, all readers keep to its beginning.
  const span = quick ? 3 * GIB : 64 * GIB;
  const small = await peakMib(3 * GIB, 3 * GIB, group.members);
  const large = await peakMib(64 * GIB, span, group.members);
  const note = `cgroup ${group.version}; readers within the first ${span / GIB} GiB; nothing spooled`;
  return {
    ours: [large.mib],
    baseline: [small.mib],
    also: { what: 'the daemon survives', holds: large.survived && small.survived },
    note,
  };
}

/** Without a spool, or gigabytes would be written to disk. What lies between readers is read past. */
async function peakMib(
  size: number,
  span: number,
  group: string,
): Promise<{ readonly mib: number; readonly survived: boolean }> {
  await using daemon = await Daemon.start({ dumps: [size], spool: false, group });
  const step = Math.floor(span / READERS / MIB) * MIB;
  const reads = Array.from({ length: READERS }, (_, reader) => readMib(daemon.path(0), reader * step));
  const results = await Promise.allSettled(reads);
  const survived = daemon.isRunning && results.every(({ status }) => status === 'fulfilled');
  return { mib: daemon.isRunning ? usageOf(daemon.pid).peakMib : NaN, survived };
}

async function readMib(path: string, offset: number): Promise<void> {
  await using file = await open(path);
  const { bytesRead } = await file.read(Buffer.alloc(MIB), 0, MIB, offset);
  if (bytesRead !== MIB) throw new Error(`${bytesRead} bytes at ${offset}`);
}
