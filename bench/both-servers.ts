import { rmSync } from 'node:fs';
import { mustRun } from '../test/support/run-tool.js';
import { CServer } from './c-server.js';
import { Daemon } from './daemon.js';
import { MIB } from './units.js';

export interface BothServers {
  readonly ours: Daemon;
  readonly theirs: CServer;
  readonly sizeBytes: number;
}

/**
 * Our daemon with one dump that is complete in its cache, and the C server with the same bytes in memory, both with the
 * same read-ahead in the kernel.
 */
export async function withBothServers<T>(
  sizeMib: number,
  run: (both: BothServers) => Promise<T>,
): Promise<T> {
  const sizeBytes = sizeMib * MIB;
  await using ours = await Daemon.start({ dumps: [sizeBytes], cacheMib: sizeMib + 64, spool: false });
  const copy = `/dev/shm/platdumpfs-bench-${process.pid}`;
  try {
    await mustRun('cp', [ours.path(0), copy], { timeoutMs: 120_000 });
    await using theirs = await CServer.start(copy);
    theirs.readAheadKib = ours.readAheadKib;
    rmSync(copy);
    return await run({ ours, theirs, sizeBytes });
  } finally {
    rmSync(copy, { force: true });
  }
}
