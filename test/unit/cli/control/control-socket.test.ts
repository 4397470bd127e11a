import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Logger } from '../../../../src/base/log.js';
import { createLogger } from '../../../../src/base/log.js';
import { dumpTag, tagName } from '../../../../src/base/tag.js';
import { askDaemon, isAnswered, watchDaemon } from '../../../../src/cli/control/control-client.js';
import type { ControlResponse, WatchLine } from '../../../../src/cli/control/control-protocol.js';
import { MAX_HEADER_BYTES, MAX_REQUEST_BYTES } from '../../../../src/cli/control/control-protocol.js';
import type { ControlRoute } from '../../../../src/cli/control/control-server.js';
import type { Control } from '../../../../src/cli/control/control-socket.js';
import { serveControl } from '../../../../src/cli/control/control-socket.js';
import { isSocketName, runtimeDirectory, socketName } from '../../../../src/cli/runtime-directory.js';

const ANSWER: ControlResponse = { kind: 'dumps', mountpoint: '/mnt', dumps: [] };
const DUMPS = 'GET /v1/dumps HTTP/1.1\r\nHost: localhost\r\n\r\n';
const WATCHING: WatchLine = { kind: 'watching', mountpoint: '/mnt' };

/** Long enough for a busy machine to answer, short enough to be waited for. */
const SILENCE_MS = 1500;

let base: string;
let directory: string;
let path: string;
let lines: string[];
let log: Logger;
const closing: (() => void)[] = [];

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'platdumpfs-run-'));
  directory = join(base, 'run');
  path = join(directory, socketName('/mnt'));
  lines = [];
  log = createLogger({ level: 'debug', format: 'text', write: (line) => lines.push(line) });
  vi.stubEnv('RUNTIME_DIRECTORY', directory);
});

afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
  vi.unstubAllEnvs();
  rmSync(base, { recursive: true });
});

function dumpsRoute(answer: () => ControlResponse = () => ANSWER): ControlRoute {
  return { method: 'GET', path: '/v1/dumps', answer };
}

async function serve(...routes: ControlRoute[]): Promise<Control> {
  const control = await serveControl('/mnt', routes.length > 0 ? routes : [dumpsRoute()], log, SILENCE_MS);
  closing.push(() => control.close());
  return control;
}

function connect(): Socket {
  const socket = createConnection(path);
  // A daemon may close before it has read everything: that is an answer, too.
  socket.on('error', () => undefined);
  closing.push(() => socket.destroy());
  return socket;
}

/** `once` would take the error before it for a failure. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** Sends raw text. @returns everything that comes back until the daemon closes */
async function send(text: string): Promise<string> {
  let answer = '';
  const socket = connect();
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.write(text);
  await closed(socket);
  return answer;
}

describe('serveControl', () => {
  test('answers HTTP with JSON and closes', async () => {
    await serve();
    expect(await askDaemon(path, '/v1/dumps')).toEqual(ANSWER);
    const [header = '', body] = (await send(DUMPS)).split('\r\n\r\n');
    expect(header).toMatch(/^HTTP\/1.1 200 /);
    expect(header).toContain('Content-Type: application/json');
    expect(header).toContain('Connection: close');
    expect(body).toBe(`${JSON.stringify(ANSWER)}\n`);
  });

  test('answers 10,000 dumps whole', async () => {
    const dumps = Array.from({ length: 10_000 }, (_, index) => ({
      tag: tagName(dumpTag(BigInt(index))),
      type: 'platform',
      size: null,
      sizeOrigin: null,
      state: 'new',
      delivered: 0,
      firstSeen: '2026-11-22T08:12:00.000Z',
      source: 'sim',
      name: 'x'.repeat(100),
      sha256: 'a'.repeat(64),
    }));
    await serve(dumpsRoute(() => ({ ...ANSWER, dumps })));
    expect(await askDaemon(path, '/v1/dumps')).toEqual({ ...ANSWER, dumps });
  });

  test('hands the body and what stands in the path to a route', async () => {
    const heard: unknown[] = [];
    const answer = (request: unknown): ControlResponse => {
      heard.push(request);
      return { kind: 'error', code: 'busy', message: 'come again' };
    };
    await serve({ method: 'POST', path: '/v1/things/:thing', answer });
    const call = { method: 'POST', body: { a: 1 } } as const;
    expect(await askDaemon(path, '/v1/things/one?two', call)).toEqual(answer(undefined));
    expect(heard[0]).toMatchObject({ params: { thing: 'one' }, body: { a: 1 } });
  });

  test('an answer may take the daemon longer than somebody who asks may be silent', async () => {
    const slowly = { method: 'GET', path: '/v1/dumps', answer: () => sleep(2 * SILENCE_MS, ANSWER) } as const;
    await serve(slowly);
    const call = { silenceMs: 10 * SILENCE_MS };
    expect(await askDaemon(path, '/v1/dumps', call)).toEqual(ANSWER);
  });

  test('keeps its socket to its user', async () => {
    await serve();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  test('removes its socket when it closes', async () => {
    (await serve()).close();
    expect(existsSync(path)).toBe(false);
  });

  test('takes the place of a socket that nobody answers', async () => {
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(path, '');
    await serve();
    expect(await askDaemon(path, '/v1/dumps')).toEqual(ANSWER);
  });

  test('leaves a living daemon its socket, with a warning', async () => {
    await serve();
    const other = await serveControl('/mnt', [dumpsRoute(() => ({ kind: 'locked', mountpoint: 'x' }))], log);
    other.close();
    expect(lines.join('')).toContain('another daemon answers there');
    expect(await askDaemon(path, '/v1/dumps')).toEqual(ANSWER);
  });

  test('uses no directory into which others may write', async () => {
    mkdirSync(directory);
    chmodSync(directory, 0o777);
    await serve();
    expect(existsSync(path)).toBe(false);
    expect(lines.join('')).toContain('can be written by other users');
  });

  test('goes on without a socket where the directory cannot be made', async () => {
    writeFileSync(directory, 'a file');
    await serve();
    expect(lines.join('')).toMatch(/warn: no control socket.*EEXIST/);
  });

  test.each([
    { what: 'another path', text: 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', status: 404 },
    { what: 'a longer path', text: 'GET /v1/dumps/1 HTTP/1.1\r\nHost: x\r\n\r\n', status: 404 },
    { what: 'another method', text: 'DELETE /v1/dumps HTTP/1.1\r\nHost: x\r\n\r\n', status: 405 },
    {
      what: 'a body that is no JSON',
      text: 'GET /v1/dumps HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello',
      status: 400,
    },
    {
      what: 'a body without end',
      text: `GET /v1/dumps HTTP/1.1\r\nHost: x\r\nContent-Length: ${10 * MAX_REQUEST_BYTES}\r\n\r\n${'x'.repeat(MAX_REQUEST_BYTES + 1)}`,
      status: 413,
    },
    { what: 'what is no HTTP', text: '{"request":"list"}\n', status: 400 },
    {
      what: 'a header without end',
      text: `GET /v1/dumps HTTP/1.1\r\nX: ${'x'.repeat(MAX_HEADER_BYTES)}`,
      status: 431,
    },
  ])('refuses $what with $status, and goes on answering others', async ({ text, status }) => {
    await serve();
    expect(await send(text)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(await askDaemon(path, '/v1/dumps')).toEqual(ANSWER);
  });

  test('answers with what a route throws', async () => {
    await serve(
      dumpsRoute(() => {
        throw new Error('no memory');
      }),
    );
    expect(await askDaemon(path, '/v1/dumps')).toEqual({
      kind: 'error',
      code: 'failed',
      message: 'no memory',
    });
  });

  test.each([
    { how: 'says nothing', text: '' },
    { how: 'asks half', text: 'GET /v1/dumps HT' },
  ])('lets go of somebody who connects and $how', async ({ text }) => {
    await serve();
    const socket = connect();
    socket.resume();
    socket.write(text);
    await closed(socket);
  });

  test('lets go of somebody who trickles', async () => {
    await serve();
    const socket = connect();
    socket.resume();
    const trickle = setInterval(() => socket.write(DUMPS[sent++ % 20] ?? ''), 100);
    let sent = 0;
    closing.push(() => clearInterval(trickle));
    await closed(socket);
    expect(sent).toBeGreaterThan(1);
  });

  test('lets go of somebody who does not read', async () => {
    await serve(dumpsRoute(() => ({ ...ANSWER, mountpoint: 'x'.repeat(4 * 1024 ** 2) })));
    const socket = connect();
    socket.pause();
    socket.write(DUMPS);
    // Writing says that the other end is gone, without reading.
    await expect
      .poll(() => new Promise((resolve) => socket.write('x', (error) => resolve(error?.message))), {
        timeout: 15_000,
        interval: 200,
      })
      .toMatch(/EPIPE|after end|destroyed/);
  });

  test('answers while others have connected and say nothing', async () => {
    await serve();
    for (let i = 0; i < 15; i++) await once(connect(), 'connect');
    expect(await askDaemon(path, '/v1/dumps')).toEqual(ANSWER);
  });
});

describe('a route that streams', () => {
  let tell: ((line: WatchLine) => void)[];
  let stopped: number;

  beforeEach(() => {
    tell = [];
    stopped = 0;
  });

  const route: ControlRoute = {
    method: 'GET',
    path: '/v1/watch',
    stream: (send) => {
      tell.push(send);
      send(WATCHING);
      return () => stopped++;
    },
  };

  test('sends lines until the daemon closes', async () => {
    const control = await serve(route);
    const got: unknown[] = [];
    for await (const line of watchDaemon(path, AbortSignal.timeout(10_000))) {
      got.push(line);
      if (got.length === 1) tell[0]?.({ kind: 'locked', mountpoint: '/two\nlines' });
    }
    expect(got).toEqual([WATCHING, { kind: 'locked', mountpoint: '/two\nlines' }]);
    expect(stopped).toBe(1);
    for await (const line of watchDaemon(path, AbortSignal.timeout(10_000))) {
      expect(line).toEqual(WATCHING);
      control.close();
    }
  });

  test('stops when nobody listens any more', async () => {
    await serve(route);
    for await (const line of watchDaemon(path, AbortSignal.timeout(10_000))) {
      expect(line).toEqual(WATCHING);
      break;
    }
    await expect.poll(() => stopped).toBe(1);
  });

  test('refuses whoever is one too many', async () => {
    await serve(route, dumpsRoute());
    const watchers = Array.from({ length: 8 }, () => watchDaemon(path, AbortSignal.timeout(10_000)));
    for (const watcher of watchers) expect((await watcher.next()).value).toEqual(WATCHING);
    const refused = await watchDaemon(path, AbortSignal.timeout(10_000)).next();
    expect(refused.value).toMatchObject({ kind: 'error', code: 'busy' });
    expect(await askDaemon(path, '/v1/dumps')).toEqual(ANSWER);
    await Promise.all(watchers.map((watcher) => watcher.return(undefined)));
  });

  test('answers like others where dumps are locked from the start', async () => {
    const locked = { kind: 'locked', mountpoint: '/mnt' } as const;
    await serve({
      ...route,
      stream: (send) => {
        send(locked);
        return () => undefined;
      },
    });
    expect(await send('GET /v1/watch HTTP/1.1\r\nHost: x\r\n\r\n')).toMatch(/^HTTP\/1.1 423 /);
    expect((await watchDaemon(path, AbortSignal.timeout(10_000)).next()).value).toEqual(locked);
  });
});

describe('lock', () => {
  const dumps = (count: number): ControlResponse => ({
    ...ANSWER,
    dumps: Array.from({ length: count }, (_, at) => ({ tag: `tag-${at}`, name: 'x'.repeat(200) })) as never,
  });

  /** Everything that comes until the connection ends. */
  async function rest(socket: Socket): Promise<string> {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.resume();
    await once(socket, 'close');
    return text;
  }

  test('hands out nothing of an answer of which nothing was read', async () => {
    let answered = 0;
    const control = await serve(
      dumpsRoute(() => {
        answered += 1;
        return dumps(answered === 1 ? 3000 : 1);
      }),
    );
    // Paused before it is connected: Node.js reads nothing ahead.
    const sockets = [connect().pause(), connect().pause()];
    for (const socket of sockets) socket.write(DUMPS);
    await expect.poll(() => answered).toBe(2);
    // Time in which more would be handed out, were it not held back.
    await sleep(50);
    control.lock();
    for (const socket of sockets) {
      const text = await rest(socket);
      expect(text).toMatch(/^HTTP\/1.1 200 /);
      expect(text).not.toContain('tag-');
    }
  });

  test('hands out no more than a piece of an answer that was read in part', async () => {
    const control = await serve(dumpsRoute(() => dumps(3000)));
    const socket = connect();
    socket.write(DUMPS);
    await once(socket, 'data');
    socket.pause();
    // What Node.js reads ahead, and stops at.
    await expect.poll(() => socket.readableLength).toBeGreaterThanOrEqual(socket.readableHighWaterMark);
    control.lock();
    const aheadBytes = socket.readableLength;
    expect((await rest(socket)).length).toBeLessThanOrEqual(aheadBytes + 2 * 4096);
  });

  test('lets those who have read everything know why it ends', async () => {
    const sends: ((line: WatchLine) => void)[] = [];
    const control = await serve({
      method: 'GET',
      path: '/v1/watch',
      stream: (send) => {
        sends.push(send);
        send(WATCHING);
        return () => undefined;
      },
    });
    const kinds: string[] = [];
    for await (const line of watchDaemon(path, AbortSignal.timeout(10_000))) {
      kinds.push(line.kind);
      if (line.kind === 'watching') control.lock();
      if (line.kind === 'watching') sends[0]?.({ kind: 'locked', mountpoint: '/mnt' });
    }
    expect(kinds).toEqual(['watching', 'locked']);
  });
});

describe('askDaemon', () => {
  test('says which error connect(2) had', async () => {
    await expect(askDaemon(path, '/v1/dumps')).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await isAnswered(path)).toBe(false);
  });

  test('refuses an answer that breaks off', async () => {
    mkdirSync(directory);
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"kind":';
    const server = createServer((socket) => socket.end(text)).listen(path);
    closing.push(() => server.close());
    await expect(askDaemon(path, '/v1/dumps')).rejects.toThrow('broke off');
  });

  test('does not wait for ever', async () => {
    mkdirSync(directory);
    const server = createServer((socket) => closing.push(() => socket.destroy())).listen(path);
    closing.push(() => server.close());
    await expect(askDaemon(path, '/v1/dumps', { silenceMs: 100 })).rejects.toThrow('does not answer');
  });
});

test.each([
  { env: {}, uid: 0, expected: '/run/platdumpfs' },
  { env: {}, uid: 1000, expected: undefined },
  { env: { XDG_RUNTIME_DIR: '' }, uid: 1000, expected: undefined },
  { env: { XDG_RUNTIME_DIR: '/run/user/1000' }, uid: 1000, expected: '/run/user/1000/platdumpfs' },
  { env: { XDG_RUNTIME_DIR: '/run/user/0' }, uid: 0, expected: '/run/platdumpfs' },
  { env: { RUNTIME_DIRECTORY: '/run/a:/run/b' }, uid: 0, expected: '/run/a' },
  { env: { RUNTIME_DIRECTORY: '' }, uid: 0, expected: '/run/platdumpfs' },
])('runtimeDirectory of uid $uid with $env is $expected', ({ env, uid, expected }) => {
  expect(runtimeDirectory(env, uid)).toBe(expected);
});

test('socketName is short, stable and different for different mount points', () => {
  const name = socketName(`/${'long/'.repeat(500)}`);
  expect(name).toHaveLength(21);
  expect(isSocketName(name)).toBe(true);
  expect(socketName('/mnt')).toBe(socketName('/mnt'));
  expect(socketName('/mnt')).not.toBe(socketName('/mnt2'));
});
