import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { createConnection } from 'node:net';
import { checkResponse, checkWatchLine } from './check-answer.js';
import type { ControlError, ControlResponse, WatchLine } from './control-protocol.js';
import { ANSWER_MS, MAX_RESPONSE_BYTES, SILENCE_MS } from './control-protocol.js';

export interface ControlCall {
  readonly method?: 'GET' | 'POST';
  /** Sent as JSON. */
  readonly body?: unknown;
  /** How long the daemon may say nothing, in milliseconds. */
  readonly silenceMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Asks the daemon behind a socket.
 *
 * @param route for instance `/v1/dumps`
 * @returns what it answered, a refusal too
 * @throws Error, with the `code` of a failed connect(2)
 */
export async function askDaemon(
  socketPath: string,
  route: string,
  call: ControlCall = {},
): Promise<ControlResponse> {
  const limit = AbortSignal.timeout(ANSWER_MS);
  const signal = call.signal === undefined ? limit : AbortSignal.any([limit, call.signal]);
  const request = send(socketPath, route, call, signal);
  endAfterSilence(request, call.silenceMs);
  return checkResponse(JSON.parse(await textOf(await responseTo(request))));
}

/**
 * Asks for what is no JSON.
 *
 * @throws Error, with the `code` of a failed connect(2); also where the daemon refuses
 */
export async function askForText(socketPath: string, route: string): Promise<string> {
  const request = send(socketPath, route, {}, AbortSignal.timeout(ANSWER_MS));
  endAfterSilence(request);
  const response = await responseTo(request);
  const text = await textOf(response);
  if (response.statusCode === 200) return text;
  throw new Error(`the daemon refused: ${response.statusCode ?? 0} ${response.statusMessage ?? ''}`);
}

/**
 * Tells what changes, until the daemon ends or `signal` aborts.
 *
 * @returns lines; only a refusal where the daemon refuses
 * @throws Error, with the `code` of a failed connect(2)
 */
export async function* watchDaemon(
  socketPath: string,
  signal: AbortSignal,
): AsyncGenerator<WatchLine | ControlError, undefined> {
  const request = send(socketPath, '/v1/watch', {}, signal);
  endAfterSilence(request);
  const response = await responseTo(request);
  request.setTimeout(0);
  for await (const line of linesOf(response)) yield checkWatchLine(JSON.parse(line));
}

/** Whether a daemon still listens there; a socket that a killed one left refuses. */
export async function isAnswered(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    const finish = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
  });
}

function send(socketPath: string, path: string, call: ControlCall, signal: AbortSignal): ClientRequest {
  const headers = call.body === undefined ? {} : { 'Content-Type': 'application/json' };
  const method = call.method ?? 'GET';
  const request = httpRequest({ socketPath, path, method, headers, signal, agent: false });
  request.end(call.body === undefined ? undefined : JSON.stringify(call.body));
  return request;
}

function endAfterSilence(request: ClientRequest, silenceMs = SILENCE_MS): void {
  request.setTimeout(silenceMs, () => request.destroy(new Error('the daemon does not answer')));
}

function responseTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', resolve);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of chunksOf(response)) {
    text += chunk;
    if (text.length > MAX_RESPONSE_BYTES) throw new Error('the daemon answers without end');
  }
  return text;
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunksOf(response)) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_RESPONSE_BYTES) throw new Error('the daemon answers without end');
    yield* lines;
  }
}

async function* chunksOf(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding('utf8');
  try {
    for await (const chunk of response) yield chunk as string;
  } catch (error) {
    throw response.complete ? error : new Error('the daemon broke off', { cause: error });
  }
}
