import { createConnection } from 'node:net';
import type { ControlRequest, ControlResponse } from './control-protocol.js';
import { CONTROL_TIMEOUT_MS, MAX_RESPONSE_BYTES } from './control-protocol.js';

/** Asks the daemon behind a socket. @throws Error, with the `code` of a failed connect(2) */
export async function askDaemon(path: string, request: ControlRequest): Promise<ControlResponse> {
  const text = await exchange(path, `${JSON.stringify(request)}\n`);
  if (!text.endsWith('\n')) throw new Error('the daemon broke off');
  return JSON.parse(text) as ControlResponse;
}

/** Whether a daemon still listens there; a socket that a killed one left refuses. */
export async function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const finish = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
}

function exchange(path: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const socket = createConnection(path, () => socket.end(request));
    socket.setTimeout(CONTROL_TIMEOUT_MS, () => socket.destroy(new Error('the daemon does not answer')));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_RESPONSE_BYTES) socket.destroy(new Error('the daemon answers without end'));
    });
    socket.on('error', reject);
    socket.on('end', () => resolve(Buffer.concat(chunks).toString()));
  });
}
