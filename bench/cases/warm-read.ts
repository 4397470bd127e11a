import { rmSync } from 'node:fs';
import { mustRun } from '../../test/support/run-tool.js';
import { withBothServers } from '../both-servers.js';
import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { processorSeconds } from '../process-time.js';
import { inTurn } from '../statistics.js';
import { dropPages, randomReads, readRate } from '../tools.js';
import { GIB, MIB } from '../units.js';

const C_SERVER = 'libfuse 3 server in C, same bytes from memory';
const SIZE_MIB = 512;

/** A dump that is complete in our cache. */
export const warmRead: readonly BenchCase[] = [
  {
    name: 'warm read, page cache dropped',
    baseline: C_SERVER,
    goal: { atLeast: 0.9 },
    unit: 'MiB/s',
    run: readThrough,
  },
  {
    name: 'random 4 KiB reads (fio), page cache off',
    baseline: C_SERVER,
    goal: { atLeast: 0.8 },
    unit: 'reads/s',
    run: readAtRandom,
  },
  {
    name: 'processor time of the daemon, warm read',
    baseline: C_SERVER,
    goal: { atMost: 2 },
    unit: 's/GiB',
    run: spendTime,
  },
  {
    name: 'second read, pages kept',
    baseline: 'tmpfs, same dd',
    goal: { atLeast: 0.9 },
    unit: 'MiB/s',
    run: readAgain,
  },
];

function readThrough({ quick, pairs }: Scale): Promise<Measured> {
  const cold = async (path: string): Promise<number> => {
    await dropPages(path);
    return readRate(path);
  };
  return withBothServers(SIZE_MIB, ({ ours, theirs }) =>
    inTurn(
      quick ? 5 : 3 * pairs,
      () => cold(ours.path(0)),
      () => cold(theirs.path),
    ),
  );
}

function readAtRandom({ quick, pairs }: Scale): Promise<Measured> {
  const seconds = quick ? 1 : 3;
  return withBothServers(SIZE_MIB, ({ ours, theirs }) =>
    inTurn(
      pairs,
      () => randomReads(ours.path(0), seconds),
      () => randomReads(theirs.path, seconds),
    ),
  );
}

/** Clock ticks are 10 ms: several reads for one figure. */
const READS_PER_FIGURE = 8;

function spendTime({ pairs }: Scale): Promise<Measured> {
  const spend = async (path: string, pid: number, sizeBytes: number): Promise<number> => {
    const before = processorSeconds(pid);
    for (let read = 0; read < READS_PER_FIGURE; read += 1) {
      await dropPages(path);
      await readRate(path);
    }
    return (processorSeconds(pid) - before) / ((READS_PER_FIGURE * sizeBytes) / GIB);
  };
  return withBothServers(SIZE_MIB, ({ ours, theirs, sizeBytes }) =>
    inTurn(
      pairs,
      () => spend(ours.path(0), ours.pid, sizeBytes),
      () => spend(theirs.path, theirs.pid, sizeBytes),
    ),
  );
}

async function readAgain({ quick, pairs }: Scale): Promise<Measured> {
  const copy = `/dev/shm/platdumpfs-bench-${process.pid}`;
  try {
    await using ours = await Daemon.start({ dumps: [SIZE_MIB * MIB] });
    await mustRun('cp', [ours.path(0), copy], { timeoutMs: 120_000 });
    return await inTurn(
      quick ? 5 : 3 * pairs,
      () => readRate(ours.path(0)),
      () => readRate(copy),
    );
  } finally {
    rmSync(copy, { force: true });
  }
}
