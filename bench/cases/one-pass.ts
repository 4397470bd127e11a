import { constants, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchCase, Measured } from '../case.js';
import { Daemon } from '../daemon.js';
import { CALL_BYTES, KIB, MIB } from '../units.js';

/** Four times the cache: what one pass does not keep would have to be asked for again. */
const DUMP_BYTES = 32 * MIB;
const CACHE_MIB = 8;
const PIECE_BYTES = 64 * KIB;
const STAGGER_MS = 40;

const READERS = [1, 4, 16];
const ORDERS = ['together', 'staggered', 'random 64 KiB'] as const;
type Order = (typeof ORDERS)[number];

export const onePass: readonly BenchCase[] = READERS.map((readers) => ({
  name: `${readers} ${readers === 1 ? 'reader' : 'readers'}, in any order`,
  baseline: 'firmware calls of one pass',
  goal: { exactly: 1 },
  unit: 'calls',
  run: () => run(readers),
}));

/** The order that takes most calls counts. */
async function run(readers: number): Promise<Measured> {
  const calls: number[] = [];
  for (const order of ORDERS) calls.push(await callsOf(readers, order));
  const note = ORDERS.map((order, index) => `${order} ${calls[index]}`).join(', ');
  return { ours: [Math.max(...calls)], baseline: [Math.ceil(DUMP_BYTES / CALL_BYTES)], note };
}

async function callsOf(readers: number, order: Order): Promise<number> {
  await using daemon = await Daemon.start({ dumps: [DUMP_BYTES], cacheMib: CACHE_MIB, trace: true });
  await Promise.all(Array.from({ length: readers }, (_, reader) => read(daemon.path(0), order, reader)));
  return daemon.calls;
}

async function read(path: string, order: Order, reader: number): Promise<void> {
  if (order === 'staggered') await sleep(reader * STAGGER_MS);
  // In random order past the page cache: only the daemon can know that it has the bytes.
  const flags = order === 'random 64 KiB' ? constants.O_DIRECT : 0;
  await using file = await open(path, constants.O_RDONLY | flags);
  const pieces = Array.from({ length: DUMP_BYTES / PIECE_BYTES }, (_, piece) => piece);
  if (order === 'random 64 KiB') shuffle(pieces, reader + 1);
  const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES + CALL_BYTES);
  for (const piece of pieces) {
    const { bytesRead } = await file.read(buffer, 0, PIECE_BYTES, piece * PIECE_BYTES);
    if (bytesRead !== PIECE_BYTES) throw new Error(`${bytesRead} bytes instead of ${PIECE_BYTES}`);
  }
}

/** Fisher and Yates, with a generator that gives each reader an order of its own, the same in every run. */
function shuffle(values: number[], seed: number): void {
  let state = seed;
  for (let last = values.length - 1; last > 0; last -= 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = state % (last + 1);
    [values[last], values[other]] = [values[other] ?? 0, values[last] ?? 0];
  }
}
