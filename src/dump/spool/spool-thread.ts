import { closeSync, readSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { slotViews } from '../arena.js';
import { releaseBytes } from './release-bytes.js';
import { SpoolKey } from './spool-cipher.js';
import type { SpoolAnswer, SpoolCommand, SpoolThreadData } from './spool-protocol.js';

// Entry of the spool's thread: neither disks nor ciphers may hold up the thread that answers readers, nor firmware.

const port = parentPort;
if (port === null) throw new Error('spool-thread runs as a worker thread only');
const views = slotViews((workerData as SpoolThreadData).slabs);

port.on('message', (command: SpoolCommand) => {
  if (command.op === 'close') closeSync(command.fd);
  else port.postMessage(carryOut(command));
});

function carryOut(command: Exclude<SpoolCommand, { op: 'close' }>): SpoolAnswer {
  const { id } = command;
  try {
    const block = views[command.slot]?.subarray(0, command.length);
    if (block === undefined) throw new RangeError(`no slot ${command.slot}`);
    if (command.op === 'store') store(command.fd, command.offset, block, new SpoolKey(command.key));
    else load(command.fd, command.offset, block, new SpoolKey(command.key));
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
