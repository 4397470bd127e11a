import { bareLoop } from '../bare-loop.js';
import { CServer } from '../c-server.js';
import type { BenchCase, Goal, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { processorSeconds } from '../process-time.js';
import { inTurn } from '../statistics.js';
import { copyRate, remove } from '../tools.js';
import { CALL_BYTES, GIB, MIB } from '../units.js';

export const C_SERVER = 'libfuse 3 server in C that retrieves the same way';

/** A first `cp` of a dump, as installed: cache of 64 MiB, spool on. */
const WITH_LATENCY = [
  { latencyUs: 100, atLeast: 0.97, mib: 64, quickMib: 32 },
  { latencyUs: 20, atLeast: 0.95, mib: 256, quickMib: 96 },
];

/** Rate where firmware takes no time, and processor time: the daemon itself. */
const BESIDE_C_SERVER: readonly { spool: boolean; rate: Goal; time: Goal }[] = [
  { spool: false, rate: { atLeast: 0.6 }, time: { atMost: 3 } },
  { spool: true, rate: 'reported', time: 'reported' },
];

export const coldCopy: readonly BenchCase[] = [
  ...WITH_LATENCY.map((row) => ({
    name: `cold cp, call ${row.latencyUs} us`,
    baseline: 'bare retrieval loop, no FUSE',
    goal: { atLeast: row.atLeast },
    unit: 'MiB/s',
    run: ({ quick, pairs }: Scale) =>
      besideBareLoop((quick ? row.quickMib : row.mib) * MIB, row.latencyUs, pairs),
  })),
  ...BESIDE_C_SERVER.map(({ spool, rate }) => ({
    name: `cold cp, call 0 us, spool ${spool ? 'on' : 'off'}`,
    baseline: C_SERVER,
    goal: rate,
    unit: 'MiB/s',
    run: ({ quick, pairs }: Scale) => besideCServer((quick ? 512 : 1024) * MIB, spool, pairs),
  })),
  ...BESIDE_C_SERVER.map(({ spool, time }) => ({
    name: `processor time of a cold cp, call 20 us, spool ${spool ? 'on' : 'off'}`,
    baseline: C_SERVER,
    goal: time,
    unit: 's/GiB',
    run: ({ quick, pairs }: Scale) => processorTime((quick ? 192 : 512) * MIB, spool, pairs),
  })),
];

async function besideBareLoop(size: number, latencyUs: number, pairs: number): Promise<Measured> {
  await using daemon = await Daemon.start({ dumps: Array.from({ length: pairs }, () => size), latencyUs });
  return await inTurn(
    pairs,
    (round) => copyOnce(daemon, round, size),
    () => bareLoop(size, latencyUs),
  );
}

async function besideCServer(size: number, spool: boolean, pairs: number): Promise<Measured> {
  await using daemon = await Daemon.start({ dumps: Array.from({ length: pairs }, () => size), spool });
  return await inTurn(
    pairs,
    (round) => copyOnce(daemon, round, size),
    async () => {
      await using server = await CServer.retrieving(1, size, 0);
      server.readAheadKib = daemon.readAheadKib;
      return await copyRate(server.path(0), size);
    },
  );
}

/** Gives back what the copied dump takes on disk. */
async function copyOnce(daemon: Daemon, dump: number, size: number): Promise<number> {
  const rate = await copyRate(daemon.path(dump), size);
  await remove(daemon.path(dump));
  return rate;
}

/** Of the daemon alone, without what the simulated calls spend on waiting: that stands for firmware. */
async function processorTime(size: number, spool: boolean, pairs: number): Promise<Measured> {
  const latencyUs = 20;
  const firmwareSeconds = (Math.ceil(size / CALL_BYTES) * latencyUs) / 1e6;
  const spent = async (pid: number, path: string): Promise<number> => {
    const before = processorSeconds(pid);
    await copyRate(path, size);
    return (processorSeconds(pid) - before - firmwareSeconds) / (size / GIB);
  };
  const dumps = Array.from({ length: pairs }, () => size);
  await using daemon = await Daemon.start({ dumps, latencyUs, spool });
  const measured = await inTurn(
    pairs,
    (round) => spent(daemon.pid, daemon.path(round)),
    async () => {
      await using server = await CServer.retrieving(1, size, latencyUs);
      server.readAheadKib = daemon.readAheadKib;
      return await spent(server.pid, server.path(0));
    },
  );
  return { ...measured, note: 'the simulated calls themselves left out' };
}
