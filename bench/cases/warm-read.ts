import { rmSync } from 'node:fs';
import { mustRun } from '../../test/support/run-tool.js';
import { CServer } from '../c-server.js';
import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { inTurn } from '../statistics.js';
import { dropPages, readRate } from '../tools.js';
import { MIB } from '../units.js';

const SIZE_MIB = 512;

/** A dump that was read before. */
export const warmRead: readonly BenchCase[] = [
  {
    name: 'warm read, page cache dropped',
    baseline: 'libfuse 3 server in C, same bytes from memory',
    goal: { atLeast: 0.85 },
    unit: 'MiB/s',
    run: readThrough,
  },
  {
    name: 'second read, pages kept',
    baseline: 'tmpfs, same dd',
    goal: { atLeast: 0.9 },
    unit: 'MiB/s',
    run: readAgain,
  },
];

/** Complete in our cache, complete in the memory of the C server, with the same read-ahead in the kernel. */
async function readThrough({ quick, pairs }: Scale): Promise<Measured> {
  const cold = async (path: string): Promise<number> => {
    await dropPages(path);
    return readRate(path);
  };
  return await withCopy(SIZE_MIB + 64, false, async (ours, copy) => {
    await using theirs = await CServer.fromMemory(copy);
    theirs.readAheadKib = ours.readAheadKib;
    rmSync(copy);
    return await inTurn(
      quick ? 5 : 3 * pairs,
      () => cold(ours.path(0)),
      () => cold(theirs.path(0)),
    );
  });
}

async function readAgain({ quick, pairs }: Scale): Promise<Measured> {
  return await withCopy(64, true, (ours, copy) =>
    inTurn(
      quick ? 5 : 3 * pairs,
      () => readRate(ours.path(0)),
      () => readRate(copy),
    ),
  );
}

/** With a daemon whose dump was read once, and that copy of it, on tmpfs. */
async function withCopy(
  cacheMib: number,
  spool: boolean,
  run: (ours: Daemon, copy: string) => Promise<Measured>,
): Promise<Measured> {
  const copy = `/dev/shm/platdumpfs-bench-${process.pid}`;
  try {
    await using ours = await Daemon.start({ dumps: [SIZE_MIB * MIB], cacheMib, spool });
    await mustRun('cp', [ours.path(0), copy], { timeoutMs: 120_000 });
    return await run(ours, copy);
  } finally {
    rmSync(copy, { force: true });
  }
}
