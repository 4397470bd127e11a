import { closeSync, readSync } from 'node:fs';
import type { MessagePort } from 'node:worker_threads';
import { workerData } from 'node:worker_threads';
import { REQUEST_BUFFER_BYTES } from './abi.js';
import { readVerdict } from './device-errors.js';
import { RUN, STOP_AND_CLOSE } from './device-reader-control.js';

/**
 * Entry of the thread that reads the FUSE device: read(2) blocks until the kernel wants something, so it can neither be
 * done on the main thread nor on one of the few threads that Node keeps for asynchronous files.
 */

export interface DeviceReaderData {
  readonly fd: number;
  /** Requests go here, each an ArrayBuffer of its own; at last a `DeviceReaderEnd`. */
  readonly port: MessagePort;
  /** Two 32-bit words: what the thread is told (`RUN`, `STOP`, `STOP_AND_CLOSE`), and 1 once it has ended. */
  readonly control: SharedArrayBuffer;
}

export interface DeviceReaderEnd {
  readonly reason: 'unmounted' | 'aborted' | 'stopped' | 'broken';
  readonly error?: string;
}

const RETRY_DELAY_MS = 2;

const { fd, port, control } = workerData as DeviceReaderData;
const words = new Int32Array(control);
const buffer = new ArrayBuffer(REQUEST_BUFFER_BYTES);
const bytes = new Uint8Array(buffer);

port.postMessage(readUntilEnd());
port.close();
// In this order: a main thread that did not see the end yet has said before that the device is to be closed.
Atomics.store(words, 1, 1);
if (Atomics.load(words, 0) === STOP_AND_CLOSE) closeSync(fd);
Atomics.notify(words, 1);

function readUntilEnd(): DeviceReaderEnd {
  let mounted = false;
  while (Atomics.load(words, 0) === RUN) {
    let length: number;
    try {
      length = readSync(fd, bytes);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      const verdict = readVerdict(code, mounted);
      if (verdict === 'later') Atomics.wait(words, 0, RUN, RETRY_DELAY_MS);
      else if (verdict === 'broken') return { reason: verdict, error: String(error) };
      else if (verdict !== 'retry') return { reason: verdict };
      continue;
    }
    mounted = true;
    // What is read after the stop only served to wake this thread.
    if (Atomics.load(words, 0) !== RUN) continue;
    port.postMessage(buffer.slice(0, length));
  }
  return { reason: 'stopped' };
}
