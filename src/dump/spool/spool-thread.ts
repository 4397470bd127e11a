import { closeSync, readSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { slotViews } from '../arena.js';
import { releaseBytes } from './release-bytes.js';
import { SpoolKey } from './spool-cipher.js';
import type { SpoolAnswer, SpoolCommand, SpoolMove, SpoolThreadData } from './spool-protocol.js';

// Entry of the spool's thread: neither disks nor ciphers may hold up the thread that answers readers, nor firmware.

const port = parentPort;
if (port === null) throw new Error('spool-thread runs as a worker thread only');
const views = slotViews((workerData as SpoolThreadData).slabs);
/** By descriptor, from `open` to `close`. */
const keys = new Map<number, SpoolKey>();

/** Answers are no more than this apart: a reader waits for the first of many blocks. */
const ANSWER_BLOCKS = 4;

port.on('message', (commands: readonly SpoolCommand[]) => {
  for (let first = 0; first < commands.length; first += ANSWER_BLOCKS)
    carryOutAll(commands.slice(first, first + ANSWER_BLOCKS));
});

function carryOutAll(commands: readonly SpoolCommand[]): void {
  const answers: SpoolAnswer[] = [];
  for (const command of commands) {
    if (command.op === 'open') keys.set(command.fd, new SpoolKey(command.key));
    else if (command.op === 'close') close(command.fd);
    else answers.push(carryOut(command));
  }
  if (answers.length > 0) port?.postMessage(answers);
}

function close(fd: number): void {
  keys.delete(fd);
  closeSync(fd);
}

function carryOut(command: SpoolMove): SpoolAnswer {
  const { id } = command;
  try {
    const key = keys.get(command.fd);
    if (key === undefined) throw new Error('the spool is closed');
    const block = views[command.slot]?.subarray(0, command.length);
    if (block === undefined) throw new RangeError(`no slot ${command.slot}`);
    if (command.op === 'store') store(command.fd, command.offset, block, key);
    else load(command.fd, command.offset, block, key);
    return { id };
  } catch (thrown) {
    return { id, error: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

function store(fd: number, offset: number, block: Uint8Array, key: SpoolKey): void {
  const sealed = key.seal(block, offset);
  if (sealed === undefined) throw new Error('the spool is closed');
  for (let done = 0; done < sealed.length;)
    done += writeSync(fd, sealed, done, sealed.length - done, offset + done);
  releaseBytes(sealed);
}

function load(fd: number, offset: number, block: Uint8Array, key: SpoolKey): void {
  for (let done = 0; done < block.length;) {
    const count = readSync(fd, block, done, block.length - done, offset + done);
    if (count === 0) throw new Error(`the spool file ends at ${offset + done}`);
    done += count;
  }
  if (!key.unseal(block, offset)) throw new Error('the spool is closed');
}
