import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { KERNEL, Mounted, PROGRAM } from '../support/mounted.js';
import type { ToolResult } from '../support/run-tool.js';
import { mustRun } from '../support/run-tool.js';

const NAME_BYTES = 46;

/** What somebody would call a dump who wants to get somewhere by it. */
const NAMES = [
  '$(touch pwned)',
  '`touch pwned`',
  ';touch pwned;',
  '|touch pwned',
  '\x1b]0;pwned\x07\x1b[2J',
  'a\nb\rc\x08\x7f\x9b31m',
  '../../../../tmp/platdumpfs-pwned',
  '/etc/cron.d/pwned',
  '-rf',
  '%s%n%x',
  '"},{"tag":"0x1',
  'A\0B',
];

/** A dump with this name in its directory; the rest is whatever. */
function dumpCalled(mounted: Mounted, name: Buffer, index: number): ExpectedDump {
  const content = randomBytes(5000 + index);
  content.fill(0, 0, 128);
  content.write('FILE    ');
  content.writeUInt16BE(64, 8);
  name.copy(content, 0x18, 0, NAME_BYTES);
  return fileDump(mounted.simDir, 0x2_0000_0001n + BigInt(index), content);
}

/** Printable ASCII in lines, tabs for columns, and the arrows and dots of our own tables. */
const ACTS_ON_A_TERMINAL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

test('whatever a dump is called and holds: no shell, no terminal and no other directory hears of it', async () => {
  await using mounted = new Mounted(KERNEL);
  const names = [
    ...NAMES.map((name) => Buffer.from(name, 'latin1')),
    ...Array.from({ length: 40 }, () => randomBytes(NAME_BYTES)),
  ];
  const dumps = names.map((name, index) => dumpCalled(mounted, name, index));
  await mounted.start(`--sim-dir=${mounted.simDir}`, '--log-level=debug');
  const run = (...args: string[]): Promise<ToolResult> =>
    mustRun('env', [
      '-C',
      mounted.out,
      `RUNTIME_DIRECTORY=${join(mounted.directory, 'run')}`,
      PROGRAM,
      ...args,
    ]);

  const saved = join(mounted.out, 'a', 'b', 'c', 'saved');
  mkdirSync(saved, { recursive: true });
  const said = [
    await run('save', '--all', '--checksum', saved),
    await run('list'),
    await run('list', '--json'),
    await run('metrics'),
    await run('info', dumps[0]!.name),
    await run('info', '--json', dumps[1]!.name),
    await mustRun('sh', ['-c', 'getfattr -d "$0"/*', mounted.mountpoint]),
  ].flatMap(({ stdout, stderr }) => [stdout, stderr]);
  for (const text of [...said, mounted.daemon.stderr]) expect(text).not.toMatch(ACTS_ON_A_TERMINAL);
  expect(said.join('')).toContain('touch');

  const copies = readdirSync(saved).filter((name) => !name.endsWith('.sha256'));
  for (const name of copies) expect(name).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/);
  await mustRun('sh', ['-c', 'sha256sum -c --quiet ./*.sha256'], { cwd: saved });
  const digests = await Promise.all(copies.map((name) => mustRun('cat', [join(saved, name)])));
  expect(digests.map((copy) => copy.sha256).sort()).toEqual(dumps.map((dump) => sha256(dump)).sort());
  for (let directory = saved; directory !== mounted.out; directory = dirname(directory))
    expect(readdirSync(dirname(directory))).toHaveLength(1);
  for (const path of ['/tmp/platdumpfs-pwned', '/etc/cron.d/pwned']) expect(existsSync(path)).toBe(false);
});

test('no file of the program starts a shell, or evaluates text', () => {
  const src = new URL('../../src/', import.meta.url);
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  expect(files.length).toBeGreaterThan(100);
  const suspicious = /shell:|execSync|\bexec\(\s*[`'"]|\beval\(|new Function|['"](\/bin\/)?(ba|da)?sh['"]/;
  expect(files.filter((file) => suspicious.test(readFileSync(new URL(file, src), 'utf8')))).toEqual([]);
});
