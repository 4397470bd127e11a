import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Logger } from '../../../src/base/log.js';
import { createLogger } from '../../../src/base/log.js';
import { askDaemon } from '../../../src/cli/control-client.js';
import type { ControlResponse } from '../../../src/cli/control-protocol.js';
import { MAX_REQUEST_BYTES } from '../../../src/cli/control-protocol.js';
import { serveControl } from '../../../src/cli/control-server.js';
import { isSocketName, runtimeDirectory, socketName } from '../../../src/cli/runtime-directory.js';

const ANSWER: ControlResponse = { kind: 'dumps', mountpoint: '/mnt', dumps: [] };

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
  for (const close of closing.splice(0)) close();
  vi.unstubAllEnvs();
  rmSync(base, { recursive: true });
});

async function serve(answer: () => ControlResponse = () => ANSWER): Promise<() => void> {
  const close = await serveControl('/mnt', answer, log);
  closing.push(close);
  return close;
}

/** Sends raw text. @returns everything that comes back until the daemon closes */
function send(text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = createConnection(path, () => socket.end(text));
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    // A daemon may close before it has read everything: that is an answer, too.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

describe('serveControl', () => {
  test('answers one line for one line', async () => {
    await serve();
    expect(await askDaemon(path, { request: 'list' })).toEqual(ANSWER);
    expect(await send('{"request":"list"}\n')).toBe(`${JSON.stringify(ANSWER)}\n`);
  });

  test('answers 10,000 dumps whole', async () => {
    const dumps = Array.from({ length: 10_000 }, (_, index) => ({
      tag: String(index),
      name: 'x'.repeat(200),
    }));
    await serve(() => ({ ...ANSWER, dumps: dumps as never }));
    expect(await askDaemon(path, { request: 'list' })).toEqual({ ...ANSWER, dumps });
  });

  test('keeps its socket to its user', async () => {
    await serve();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  test('removes its socket when it closes', async () => {
    (await serve())();
    expect(existsSync(path)).toBe(false);
  });

  test('takes the place of a socket that nobody answers', async () => {
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(path, '');
    await serve();
    expect(await askDaemon(path, { request: 'list' })).toEqual(ANSWER);
  });

  test('leaves a living daemon its socket, with a warning', async () => {
    await serve();
    (await serveControl('/mnt', () => ({ kind: 'locked', mountpoint: 'other' }), log))();
    expect(lines.join('')).toContain('another daemon answers there');
    expect(await askDaemon(path, { request: 'list' })).toEqual(ANSWER);
  });

  test('uses no directory into which others may write', async () => {
    mkdirSync(directory);
    const { chmodSync } = await import('node:fs');
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
    { text: '{"request":"format"}\n', message: 'unknown request' },
    { text: 'null\n', message: 'unknown request' },
    { text: 'hello\n', message: 'JSON' },
  ])('refuses $text', async ({ text, message }) => {
    await serve();
    expect(await send(text)).toMatch(new RegExp(`"kind":"error".*${message}`));
  });

  test.each([
    { what: 'an endless line', text: 'x'.repeat(MAX_REQUEST_BYTES + 1) },
    { what: 'half a request', text: '{"request":' },
    { what: 'nothing', text: '' },
  ])('closes on $what, and goes on answering others', async ({ text }) => {
    await serve();
    expect(await send(text)).toBe('');
    expect(await askDaemon(path, { request: 'list' })).toEqual(ANSWER);
  });
});

describe('askDaemon', () => {
  test('says which error connect(2) had', async () => {
    await expect(askDaemon(path, { request: 'list' })).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('refuses an answer that breaks off', async () => {
    mkdirSync(directory);
    const server = createServer((socket) => socket.end('{"kind":')).listen(path);
    closing.push(() => server.close());
    await expect(askDaemon(path, { request: 'list' })).rejects.toThrow('broke off');
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
