import { readSync } from 'node:fs';
import type { MessagePort } from 'node:worker_threads';
import { workerData } from 'node:worker_threads';
import { REQUEST_BUFFER_BYTES } from './abi.js';
import { readVerdict } from './device-errors.js';

/**
 * Entry of the thread that reads the FUSE device: read(2) blocks until the kernel wants something, so it can neither be
 * done on the main thread nor on one of the few threads that Node keeps for asynchronous files.
 */

export interface DeviceReaderData {
  readonly fd: number;
  /** Requests go here, each an ArrayBuffer of its own; at last a `DeviceReaderEnd`. */
  readonly port: MessagePort;
  /** One 32-bit word: not 0 once the thread is to end. */
  readonly stop: SharedArrayBuffer;
}

export interface DeviceReaderEnd {
  readonly reason: 'unmounted' | 'aborted' | 'stopped' | 'broken';
  readonly error?: string;
}

const RETRY_DELAY_MS = 2;

const { fd, port, stop } = workerData as DeviceReaderData;
const stopWord = new Int32Array(stop);
const buffer = new ArrayBuffer(REQUEST_BUFFER_BYTES);
const bytes = new Uint8Array(buffer);

port.postMessage(readUntilEnd());
port.close();

function readUntilEnd(): DeviceReaderEnd {
  let mounted = false;
  while (Atomics.load(stopWord, 0) === 0) {
    let length: number;
    try {
      length = readSync(fd, bytes);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      const verdict = readVerdict(code, mounted);
      if (verdict === 'later') Atomics.wait(stopWord, 0, 0, RETRY_DELAY_MS);
      else if (verdict === 'broken') return { reason: verdict, error: String(error) };
      else if (verdict !== 'retry') return { reason: verdict };
      continue;
    }
    mounted = true;
    // What is read after the stop only served to wake this thread.
    if (Atomics.load(stopWord, 0) === 0) port.postMessage(buffer.slice(0, length));
  }
  return { reason: 'stopped' };
}
