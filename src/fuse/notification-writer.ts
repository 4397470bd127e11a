import { writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { isFuseDevice } from './fuse-descriptor.js';
import { LITTLE_ENDIAN } from './notification.js';
import type { NotificationAnswer, NotificationBatch } from './notification-batch.js';
import { CLOSED } from './notification-batch.js';

// Entry of the thread that sends notifications: the kernel may keep it waiting in each of them.

// Inodes that the kernel does not know are nothing to remark upon, and at lockdown there may be thousands.
Error.stackTraceLimit = 0;

const port = parentPort;
if (port === null) throw new Error('notification-writer runs as a worker thread only');

port.on('message', ({ id, fd, bytes }: NotificationBatch) => {
  const answer: NotificationAnswer = { id, failures: writeAll(fd, bytes) };
  port.postMessage(answer);
});

function writeAll(fd: number, bytes: Uint8Array): Map<number, string> {
  const failures = new Map<number, string>();
  const lengths = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const length = lengths.getUint32(at, LITTLE_ENDIAN);
    const failure = writeOne(fd, bytes, at, length);
    if (failure !== undefined) failures.set(index, failure);
    at += length;
  }
  return failures;
}

/** @returns the errno's name, if it failed */
function writeOne(fd: number, bytes: Uint8Array, at: number, length: number): string | undefined {
  // Descriptor numbers are used again, and that of `fuse-native` is closed by libfuse.
  if (!isFuseDevice(fd)) return CLOSED;
  try {
    // The device does not look at the position. A file that got the number a moment ago does: nothing can be there.
    writeSync(fd, bytes, at, length, Number.MAX_SAFE_INTEGER);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
