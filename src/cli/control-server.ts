import { chmodSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Logger } from '../base/log.js';
import { isAnswered } from './control-client.js';
import type { ControlRequest, ControlResponse } from './control-protocol.js';
import { CONTROL_TIMEOUT_MS, MAX_REQUEST_BYTES } from './control-protocol.js';
import { passedDescriptor } from './mount-request.js';
import { ensurePrivateDirectory, runtimeDirectory, socketName } from './runtime-directory.js';

const MAX_CONNECTIONS = 16;

export type ControlAnswer = (request: ControlRequest) => ControlResponse;

/**
 * Lets `platdumpfs list` ask this daemon. Dumps are served without it as well: where no socket can be made, the log says
 * so and that is all.
 *
 * @returns function that closes and removes the socket
 */
export async function serveControl(
  mountpoint: string,
  answer: ControlAnswer,
  log: Logger,
): Promise<() => void> {
  const directory = runtimeDirectory();
  if (directory === undefined) {
    log.info('no control socket: XDG_RUNTIME_DIR is not set');
    return () => undefined;
  }
  const path = join(directory, socketName(nameOfMount(mountpoint)));
  try {
    ensurePrivateDirectory(directory);
    return await listen(path, answer);
  } catch (error) {
    log.warn('no control socket: platdumpfs list cannot ask this daemon', {
      path,
      why: (error as Error).message,
    });
    return () => undefined;
  }
}

/** `/dev/fd/3` is another mount in each process that has it. */
function nameOfMount(mountpoint: string): string {
  return passedDescriptor(mountpoint) === undefined ? mountpoint : `${mountpoint} of process ${process.pid}`;
}

async function listen(path: string, answer: ControlAnswer): Promise<() => void> {
  if (await isAnswered(path)) throw new Error('another daemon answers there');
  rmSync(path, { force: true });
  const server = createServer({ allowHalfOpen: true }, (socket) => converse(socket, answer));
  server.maxConnections = MAX_CONNECTIONS;
  await listening(server, path);
  chmodSync(path, 0o600);
  // Serving dumps is what keeps the process alive.
  server.unref();
  return () => {
    server.close();
    rmSync(path, { force: true });
  };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

function converse(socket: Socket, answer: ControlAnswer): void {
  let text = '';
  socket.unref();
  socket.setTimeout(CONTROL_TIMEOUT_MS, () => socket.destroy());
  // Whoever asked went away: nobody is left to be told.
  socket.on('error', () => socket.destroy());
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    text += chunk;
    if (text.length > MAX_REQUEST_BYTES) socket.destroy();
    else if (text.includes('\n')) socket.end(`${JSON.stringify(respond(text, answer))}\n`);
  });
  // Half a request: the rest will not come.
  socket.on('end', () => {
    if (!text.includes('\n')) socket.destroy();
  });
}

function respond(text: string, answer: ControlAnswer): ControlResponse {
  try {
    const request = JSON.parse(text.slice(0, text.indexOf('\n'))) as Partial<ControlRequest> | null;
    if (request?.request === 'list') return answer({ request: 'list' });
    return { kind: 'error', message: 'unknown request' };
  } catch (error) {
    return { kind: 'error', message: (error as Error).message };
  }
}
