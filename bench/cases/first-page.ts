import { closeSync, openSync, readSync } from 'node:fs';
import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { median, quantile } from '../statistics.js';
import { CALL_BYTES, MIB } from '../units.js';

const DUMPS = 30;
const DUMP_BYTES = 8 * MIB;
const LATENCY_US = 100;
const MOST_BEYOND_MS = 5;
/** The page is what one call brings. */
const NEEDED_MS = LATENCY_US / 1000;

/** What `file *` does: the beginning of one dump after the other. */
export const firstPage: readonly BenchCase[] = [
  {
    name: `first page of each of ${DUMPS} cold dumps in turn, p95, call ${LATENCY_US} us`,
    baseline: `the call it needs, and ${MOST_BEYOND_MS} ms`,
    goal: { atMost: 1 },
    unit: 'ms',
    run,
  },
];

async function run({ pairs }: Scale): Promise<Measured> {
  const p95s: number[] = [];
  const medians: number[] = [];
  for (let round = 0; round < pairs; round += 1) {
    const dumps = Array.from({ length: DUMPS }, () => DUMP_BYTES);
    await using daemon = await Daemon.start({ dumps, latencyUs: LATENCY_US });
    const times = dumps.map((_, dump) => firstPageMs(daemon.path(dump)));
    p95s.push(quantile(times, 0.95));
    medians.push(median(times));
  }
  return {
    ours: p95s,
    baseline: p95s.map(() => NEEDED_MS + MOST_BEYOND_MS),
    note: `median of all dumps ${median(medians).toFixed(1)} ms`,
  };
}

/** The system calls alone: to start a program takes longer. */
function firstPageMs(path: string): number {
  const page = Buffer.alloc(CALL_BYTES);
  const begun = performance.now();
  const fd = openSync(path, 'r');
  const bytes = readSync(fd, page, 0, page.length, 0);
  const ms = performance.now() - begun;
  closeSync(fd);
  if (bytes !== page.length) throw new Error(`${bytes} bytes of ${path}`);
  return ms;
}
