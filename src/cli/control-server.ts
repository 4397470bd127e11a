import { chmodSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Logger } from '../base/log.js';
import { isAnswered } from './control-client.js';
import type { ControlRequest, ControlResponse, WatchLine } from './control-protocol.js';
import { CONTROL_TIMEOUT_MS, MAX_REQUEST_BYTES, MAX_UNREAD_BYTES } from './control-protocol.js';
import { passedDescriptor } from './mount-request.js';
import { ensurePrivateDirectory, runtimeDirectory, socketName } from './runtime-directory.js';

const MAX_CONNECTIONS = 16;
/** Fewer, so that those who watch never keep others from asking. */
const MAX_WATCHERS = 8;

export type ControlAnswer = (request: ControlRequest) => ControlResponse;

/** Tells changes until the function that it returns is called. */
export type WatchDumps = (send: (line: WatchLine) => void) => () => void;

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
  watch?: WatchDumps,
): Promise<() => void> {
  const directory = runtimeDirectory();
  if (directory === undefined) {
    log.info('no control socket: XDG_RUNTIME_DIR is not set');
    return () => undefined;
  }
  const path = join(directory, socketName(nameOfMount(mountpoint)));
  try {
    ensurePrivateDirectory(directory);
    return await listen(path, new Conversations(answer, watch));
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

async function listen(path: string, conversations: Conversations): Promise<() => void> {
  if (await isAnswered(path)) throw new Error('another daemon answers there');
  rmSync(path, { force: true });
  const server = createServer({ allowHalfOpen: true }, (socket) => conversations.begin(socket));
  server.maxConnections = MAX_CONNECTIONS;
  await listening(server, path);
  chmodSync(path, 0o600);
  // Serving dumps is what keeps the process alive.
  server.unref();
  return () => {
    server.close();
    conversations.end();
    rmSync(path, { force: true });
  };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

class Conversations {
  readonly #answer: ControlAnswer;
  readonly #watch: WatchDumps | undefined;
  readonly #watchers = new Set<Socket>();

  constructor(answer: ControlAnswer, watch: WatchDumps | undefined) {
    this.#answer = answer;
    this.#watch = watch;
  }

  begin(socket: Socket): void {
    let text = '';
    socket.unref();
    socket.setTimeout(CONTROL_TIMEOUT_MS, () => socket.destroy());
    // Whoever asked went away: nobody is left to be told.
    socket.on('error', () => socket.destroy());
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      const isHeard = text.includes('\n');
      text += isHeard ? '' : chunk;
      if (text.length > MAX_REQUEST_BYTES) socket.destroy();
      else if (!isHeard && text.includes('\n')) this.#respond(socket, text);
    });
    // Half a request: the rest will not come. Nor does anybody watch who has said the last word.
    socket.on('end', () => {
      if (!text.includes('\n') || this.#watchers.has(socket)) socket.destroy();
    });
  }

  /** Those who watch are told by the end of the connection. */
  end(): void {
    for (const socket of this.#watchers) socket.end();
  }

  #respond(socket: Socket, text: string): void {
    const request = requestIn(text);
    if (request === 'watch' && this.#watch !== undefined) this.#serveWatcher(socket, this.#watch);
    else socket.end(lineOf(this.#responseTo(request)));
  }

  #responseTo(request: unknown): ControlResponse {
    if (request instanceof Error) return { kind: 'error', message: request.message };
    if (request !== 'list' && request !== 'status') return { kind: 'error', message: 'unknown request' };
    try {
      return this.#answer({ request });
    } catch (error) {
      return { kind: 'error', message: (error as Error).message };
    }
  }

  #serveWatcher(socket: Socket, watch: WatchDumps): void {
    if (this.#watchers.size >= MAX_WATCHERS) {
      socket.end(lineOf({ kind: 'error', message: `${MAX_WATCHERS} others watch already` }));
      return;
    }
    this.#watchers.add(socket);
    socket.setTimeout(0);
    const stop = watch((line) => {
      // Whoever does not read is not waited for, and lines are not kept for ever.
      if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
      else if (line.kind === 'locked') socket.end(lineOf(line));
      else socket.write(lineOf(line));
    });
    socket.on('close', () => {
      this.#watchers.delete(socket);
      stop();
    });
  }
}

/** What a line asks for; an Error where it cannot be read. */
function requestIn(text: string): unknown {
  try {
    const request = JSON.parse(text.slice(0, text.indexOf('\n'))) as Partial<ControlRequest> | null;
    return request?.request;
  } catch (error) {
    return error;
  }
}

function lineOf(message: ControlResponse | WatchLine): string {
  return `${JSON.stringify(message)}\n`;
}
