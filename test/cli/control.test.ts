import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { socketName } from '../../src/cli/runtime-directory.js';
import { Workshop } from './program.js';

const TAG = '0x0000000200000001';

/** The document by its table rows: the first cell, and all words in backquotes of the second. */
const documented = new Map(
  readFileSync(new URL('../../docs/control.md', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [, key = '', text = ''] = line.split('|').map((cell) => cell.trim());
      return [key, [...text.matchAll(/`(\w+)`/g)].map(([, word]) => word)];
    }),
);

let workshop: Workshop;
let socket: string;

beforeEach(() => {
  workshop = new Workshop();
  socket = join(workshop.directory, 'run', socketName(workshop.mountpoint));
});

afterEach(() => workshop[Symbol.asyncDispose]());

function curl(
  path: string,
  posted?: unknown,
): { readonly status: number; readonly body: Record<string, unknown> } {
  const args = ['-s', '--max-time', '20', '-w', '%{http_code}', '--unix-socket', socket];
  const data = posted === undefined ? [] : ['--data', JSON.stringify(posted)];
  const { stdout } = workshop.exec('curl', [...args, ...data, `http://localhost${path}`]);
  const [body = '', status] = stdout.split('\n');
  return { status: Number(status), body: JSON.parse(body) as Record<string, unknown> };
}

const { error: noCurl } = spawnSync('curl', ['--version']);

describe.skipIf(noCurl)(noCurl ? 'curl (skipped: it is not installed)' : 'curl', () => {
  test('gets what the document says', async () => {
    await workshop.mount(`--sim-dump=${TAG}:1MiB`);
    const status = curl('/v1/status');
    expect(status).toMatchObject({
      status: 200,
      body: { kind: 'status', mountpoint: workshop.mountpoint, source: 'sim', lockdown: 'enforce' },
    });
    expect(documented.get('`status`')).toEqual(expect.arrayContaining(withoutKind(status.body)));
    const { body } = curl('/v1/dumps');
    expect(withoutKind(body)).toEqual(documented.get('`dumps`'));
    const [dump] = body['dumps'] as Record<string, unknown>[];
    for (const field of Object.keys(dump ?? {})) expect([...documented.keys()]).toContain(`\`${field}\``);
    expect(curl('/v1/dumps/200000001')).toEqual({
      status: 200,
      body: { kind: 'dump', mountpoint: workshop.mountpoint, dump },
    });
  });

  test.each([
    { path: '/v1/dumps/7', status: 404, code: 'not-found' },
    { path: '/v1/dumps/x', status: 400, code: 'bad-request' },
    { path: '/v2', status: 404, code: 'not-found' },
  ])('gets $code for $path', async ({ path, status, code }) => {
    await workshop.mount(`--sim-dump=${TAG}:1MiB`);
    expect(curl(path)).toMatchObject({ status, body: { kind: 'error', code } });
  });

  test('tells of a copy that is on disk, and only a true one counts', async () => {
    await workshop.mount(`--sim-dump=${TAG}:1MiB`, '--unlink=saved');
    const path = join(workshop.mountpoint, TAG);
    const { ino, size: bytes } = statSync(path);
    const sha256 = '0'.repeat(64);
    const tell = (copy: unknown, tag = TAG): unknown => curl(`/v1/dumps/${tag}/saved`, copy);
    const refused = (status: number, code: string, message = ''): unknown => ({
      status,
      body: { kind: 'error', code, message: expect.stringContaining(message) as unknown },
    });
    expect(tell({ ino, bytes, sha256 })).toEqual(refused(409, 'conflict', 'not every byte'));
    const content = readFileSync(path);
    const copy = { ino, bytes, sha256: createHash('sha256').update(content).digest('hex') };
    expect(tell({ ...copy, ino: ino + 1 })).toEqual(refused(409, 'conflict', 'another dump has the tag'));
    expect(tell({ ...copy, bytes: bytes - 1 })).toEqual(refused(409, 'conflict', 'the copy has'));
    for (const odd of [
      {},
      [],
      'x',
      7,
      { ino },
      { ino, bytes },
      { ...copy, sha256: 'x' },
      { ...copy, ino: 'x' },
    ])
      expect(tell(odd)).toEqual(refused(400, 'bad-request', 'expected'));
    expect(tell(copy, '7')).toEqual(refused(404, 'not-found'));
    expect(tell(copy, 'x')).toEqual(refused(400, 'bad-request'));
    expect(() => rmSync(path)).toThrow('EBUSY');
    expect(tell(copy)).toMatchObject({ status: 200, body: { kind: 'dump', dump: { tag: TAG } } });
    rmSync(path);
  });

  test('is told nothing of dumps once lockdown has risen', async () => {
    const level = workshop.path('lockdown');
    writeFileSync(level, '[none] integrity confidentiality\n');
    await workshop.mount(`--sim-dump=${TAG}:1MiB`, `--lockdown-file=${level}`);
    writeFileSync(level, 'none integrity [confidentiality]\n');
    const locked = { status: 423, body: { kind: 'locked', mountpoint: workshop.mountpoint } };
    for (const path of ['/v1/dumps', `/v1/dumps/${TAG}`, '/v1/dumps/7', '/v1/watch'])
      expect(curl(path)).toEqual(locked);
    expect(curl(`/v1/dumps/${TAG}/saved`, { ino: 2, bytes: 1, sha256: '0'.repeat(64) })).toEqual(locked);
    expect(curl('/v1/status').status).toBe(200);
  });
});

function withoutKind(body: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(body).filter((key) => key !== 'kind');
}
