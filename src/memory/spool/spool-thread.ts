import { closeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { BLOCK_BYTES, slotViews } from '../arena.js';
import { seal, unseal } from './counter-mode.js';
import { SpoolKey } from './spool-key.js';
import type { SpoolAnswer, SpoolCommand, SpoolMove, SpoolThreadData } from './spool-protocol.js';
import { MOST_BLOCKS, runsOf } from './spool-runs.js';
import { readAll, writeAll } from './vectored-io.js';

// Entry of the spool's thread: neither disks nor ciphers may hold up the thread that answers readers, nor firmware.

const port = parentPort;
if (port === null) throw new Error('spool-thread runs as a worker thread only');
const views = slotViews((workerData as SpoolThreadData).slabs);
interface OpenDump {
  readonly fd: number;
  readonly key: SpoolKey;
}

/** From `open` to `close`. */
const dumps = new Map<number, OpenDump>();
/** Blocks on their way to disk, encrypted. */
const sealed = new Uint8Array(MOST_BLOCKS * BLOCK_BYTES);

port.on('message', (commands: readonly SpoolCommand[]) => {
  let moves: SpoolMove[] = [];
  for (const command of commands) {
    if (command.op === 'store' || command.op === 'load') {
      moves.push(command);
      continue;
    }
    moveAll(moves);
    moves = [];
    if (command.op === 'open') dumps.set(command.dump, { fd: command.fd, key: new SpoolKey(command.key) });
    else if (command.op === 'close') dumps.delete(command.dump);
    else if (command.op === 'close-file') closeSync(command.fd);
    else port.close();
  }
  moveAll(moves);
});

function moveAll(moves: readonly SpoolMove[]): void {
  for (const run of runsOf(moves)) port?.postMessage(answersTo(run));
}

function answersTo(run: readonly SpoolMove[]): SpoolAnswer[] {
  try {
    carryOut(run);
    return run.map(({ id }) => ({ id }));
  } catch (thrown) {
    // Alone, those that nothing is wrong with succeed.
    if (run.length > 1) return run.flatMap((move) => answersTo([move]));
    const error = thrown instanceof Error ? thrown.message : String(thrown);
    return run.map(({ id }) => ({ id, error }));
  }
}

function carryOut(run: readonly SpoolMove[]): void {
  const [first] = run;
  const dump = first === undefined ? undefined : dumps.get(first.dump);
  if (first === undefined || dump === undefined) throw new Error('the spool is closed');
  const blocks = run.map(({ slot, length }) => {
    const view = views[slot];
    if (view === undefined) throw new RangeError(`no slot ${slot}`);
    return view.subarray(0, length);
  });
  if (first.op === 'store') store(first, blocks, dump);
  else load(first, blocks, dump);
}

function store({ position, offset }: SpoolMove, blocks: readonly Uint8Array[], { fd, key }: OpenDump): void {
  const length = blocks.reduce((sum, block) => sum + block.length, 0);
  withKey(key, (bytes) => seal(bytes, offset, blocks, sealed));
  writeAll(fd, [sealed.subarray(0, length)], position);
}

function load({ position, offset }: SpoolMove, blocks: readonly Uint8Array[], { fd, key }: OpenDump): void {
  readAll(fd, blocks, position);
  withKey(key, (bytes) => unseal(bytes, offset, blocks));
}

function withKey(key: SpoolKey, work: (key: Uint8Array) => void): void {
  if (!key.use(work)) throw new Error('the spool is closed');
}
