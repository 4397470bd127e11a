import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import type { ControlError, ControlErrorCode, ControlResponse, WatchLine } from './control-protocol.js';
import {
  ANSWER_MS,
  httpStatus,
  MAX_HEADER_BYTES,
  MAX_REQUEST_BYTES,
  MAX_UNREAD_BYTES,
  SILENCE_MS,
} from './control-protocol.js';
import { PacedAnswer } from './paced-answer.js';

const MAX_CONNECTIONS = 16;
/** Fewer, so that those who watch never keep others from asking. */
const MAX_WATCHERS = 8;
/** Node.js looks so often during `silenceMs` for requests that take too long to arrive. */
const CHECKS = 5;

/** What was asked of a route. */
export interface ControlRequest {
  /** What stands in the path where the route has `:NAME`. */
  readonly params: Readonly<Record<string, string>>;
  /** As parsed from JSON; undefined where there is none. */
  readonly body: unknown;
  /** Whoever asked has closed the connection. */
  readonly isGone: () => boolean;
}

/** Tells changes until the function that it returns is called. */
export type WatchDumps = (send: (line: WatchLine) => void) => () => void;

/** One thing that a daemon can be asked: answered at once by JSON or text, or by lines for as long as somebody listens. */
export type ControlRoute =
  | {
      readonly method: 'GET' | 'POST';
      /** `:NAME` stands for any one part of the path. */
      readonly path: string;
      readonly answer: (request: ControlRequest) => ControlResponse | Promise<ControlResponse>;
    }
  /** What has a form of its own; at every lockdown level. */
  | { readonly method: 'GET'; readonly path: string; readonly text: () => Promise<Text> }
  | { readonly method: 'GET'; readonly path: string; readonly stream: WatchDumps };

export interface Text {
  readonly contentType: string;
  readonly text: string;
}

/** A refusal that is thrown on the way to an answer. */
class Refusal extends Error {
  readonly code: ControlErrorCode;

  constructor(code: ControlErrorCode, message: string) {
    super(message);
    this.code = code;
  }

  get body(): ControlError {
    return { kind: 'error', code: this.code, message: this.message };
  }
}

/**
 * Answers HTTP requests on a socket of this user, one a connection. Nobody who asks is waited for: what takes too long
 * to arrive or to be read ends the connection.
 */
export class ControlServer {
  readonly server: Server;
  readonly #routes: readonly ControlRoute[];
  readonly #connections = new Set<Socket>();
  readonly #answers = new Set<PacedAnswer>();
  readonly #watchers = new Set<PacedAnswer>();
  readonly #silenceMs: number;

  constructor(routes: readonly ControlRoute[], silenceMs = SILENCE_MS) {
    this.#routes = routes;
    this.#silenceMs = silenceMs;
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: silenceMs,
      requestTimeout: silenceMs,
      connectionsCheckingInterval: silenceMs / CHECKS,
    };
    this.server = createServer(limits, (request, response) => void this.#serve(request, response));
    this.server.maxConnections = MAX_CONNECTIONS;
    this.server.setTimeout(silenceMs);
    this.server.on('connection', (socket: Socket) => {
      socket.unref();
      this.#connections.add(socket);
      socket.on('close', () => this.#connections.delete(socket));
    });
  }

  /** Answers that have not come to their end. */
  get underWay(): number {
    return this.#answers.size;
  }

  /** What the kernel has taken already cannot be taken back; what it has not does not reach it any more. */
  lock(): void {
    for (const answer of this.#answers) if (answer.unsentBytes > 0) answer.drop();
    for (const socket of this.#connections) if (socket.writableLength > 0) socket.destroy();
  }

  /** Those who watch are told by the end of the answer. */
  close(): void {
    this.server.close();
    for (const watcher of this.#watchers) watcher.end();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Asked behind another one on its connection, which ends with that one's answer. Of an answer to this one Node.js would
    // never say that it has come to its end, and it would be kept for ever.
    if (response.socket === null) return;
    // Whoever asked went away: nobody is left to be told.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    response.setHeader('Connection', 'close');
    try {
      const { route, params } = this.#route(request);
      if ('stream' in route) this.#stream(route.stream, request, response);
      else if ('text' in route) this.#write(response, 200, await route.text());
      else {
        const body = await bodyOf(request);
        // From here on it is the daemon that takes its time.
        request.socket.setTimeout(0);
        this.#answer(response, await route.answer({ params, body, isGone: () => response.destroyed }));
      }
    } catch (error) {
      this.#answer(response, error instanceof Refusal ? error.body : failed(error as Error));
    }
  }

  #answer(response: ServerResponse, body: ControlResponse): void {
    this.#write(response, httpStatus(body), { contentType: 'application/json', text: lineOf(body) });
  }

  #write(response: ServerResponse, status: number, { contentType, text }: Text): void {
    // Whoever asked has gone meanwhile: nothing would tell that the answer has come to its end.
    if (response.destroyed) return;
    response.socket?.setTimeout(this.#silenceMs);
    response.statusCode = status;
    response.setHeader('Content-Type', contentType);
    response.setHeader('Content-Length', Buffer.byteLength(text));
    const deadline = setTimeout(() => response.destroy(), ANSWER_MS).unref();
    response.on('close', () => clearTimeout(deadline));
    this.#begin(response).end(text);
  }

  #begin(response: ServerResponse): PacedAnswer {
    const answer = new PacedAnswer(response);
    this.#answers.add(answer);
    response.on('close', () => this.#answers.delete(answer));
    return answer;
  }

  /** @throws Refusal where nothing answers to that path, or not in that way */
  #route(request: IncomingMessage): { route: ControlRoute; params: Record<string, string> } {
    const [path = ''] = (request.url ?? '').split('?');
    const found = this.#routes.flatMap((route) => {
      const params = match(route.path, path);
      return params === undefined ? [] : [{ route, params }];
    });
    if (found.length === 0) throw new Refusal('not-found', `there is no ${path}`);
    const fitting = found.find(({ route }) => route.method === request.method);
    if (fitting === undefined)
      throw new Refusal('method-not-allowed', `${path} does not answer to ${request.method ?? ''}`);
    return fitting;
  }

  /** @throws Refusal where enough others watch */
  #stream(watch: WatchDumps, request: IncomingMessage, response: ServerResponse): void {
    if (this.#watchers.size >= MAX_WATCHERS)
      throw new Refusal('busy', `${MAX_WATCHERS} others watch already`);
    request.socket.setTimeout(0);
    let answer: PacedAnswer | undefined;
    const stop = watch((line) => {
      if (line.kind === 'locked' && answer === undefined) {
        this.#answer(response, line);
        return;
      }
      answer ??= this.#beginStream(response);
      // Whoever does not read is not waited for, and lines are not kept for ever.
      if (answer.unsentBytes > MAX_UNREAD_BYTES) answer.drop();
      else if (line.kind === 'locked') answer.end(lineOf(line));
      else answer.write(lineOf(line));
    });
    response.on('close', stop);
  }

  #beginStream(response: ServerResponse): PacedAnswer {
    response.setHeader('Content-Type', 'application/x-ndjson');
    const answer = this.#begin(response);
    this.#watchers.add(answer);
    response.on('close', () => this.#watchers.delete(answer));
    return answer;
  }
}

/** @returns what stands for each `:NAME`; undefined where the path is another one */
function match(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const word = given[at] ?? '';
    if (part.startsWith(':')) params[part.slice(1)] = word;
    else if (part !== word) return undefined;
  }
  return params;
}

/** @throws Refusal where it is too long, or no JSON */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_REQUEST_BYTES)
      throw new Refusal('too-large', `a body has at most ${MAX_REQUEST_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (bytes === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    throw new Refusal('bad-request', (error as Error).message);
  }
}

function failed(error: Error): ControlError {
  return { kind: 'error', code: 'failed', message: error.message };
}

function lineOf(message: ControlResponse | WatchLine): string {
  return `${JSON.stringify(message)}\n`;
}
