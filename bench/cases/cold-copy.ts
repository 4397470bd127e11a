import { bareLoop } from '../bare-loop.js';
import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { inTurn } from '../statistics.js';
import { copyRate, remove } from '../tools.js';
import { MIB } from '../units.js';

/** A first `cp` of a dump, as installed: cache of 64 MiB, spool on. */
const ROWS = [
  { latencyUs: 100, atLeast: 0.97, mib: 64, quickMib: 32 },
  { latencyUs: 20, atLeast: 0.95, mib: 256, quickMib: 96 },
  { latencyUs: 0, atLeast: 0.6, mib: 1024, quickMib: 512 },
];

export const coldCopy: readonly BenchCase[] = ROWS.map((row) => ({
  name: `cold cp, call ${row.latencyUs} us`,
  baseline: 'bare retrieval loop, no FUSE',
  goal: { atLeast: row.atLeast },
  unit: 'MiB/s',
  run: ({ quick, pairs }: Scale) => run((quick ? row.quickMib : row.mib) * MIB, row.latencyUs, pairs),
}));

async function run(size: number, latencyUs: number, pairs: number): Promise<Measured> {
  await using daemon = await Daemon.start({ dumps: Array.from({ length: pairs }, () => size), latencyUs });
  return await inTurn(
    pairs,
    async (round) => {
      const rate = await copyRate(daemon.path(round), size);
      // Gives back what it takes on disk.
      await remove(daemon.path(round));
      return rate;
    },
    () => bareLoop(size, latencyUs),
  );
}
