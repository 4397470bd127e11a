import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump } from '../support/expected-dump.js';
import { FileUser } from '../support/file-user.js';
import type { Cell } from '../support/mounted.js';
import { CELLS, Mounted, until } from '../support/mounted.js';
import { searchMemory } from '../support/process-memory.js';
import { mustRun } from '../support/run-tool.js';

const SIZE = 6_000_003;
const SUGGESTED_NAME = 'SYSDUMP.10TESTSN.DEADBEEF.20261125220000';
/** Often enough that whatever holds a page of the dump holds the pattern; at every alignment. */
const PATTERN_EVERY = 4001;

/** A dump with a directory that suggests a name, and with the pattern everywhere else. */
function patternedDump(simDir: string, pattern: Uint8Array): ExpectedDump {
  const content = randomBytes(SIZE);
  content.fill(0, 0, 64);
  content.write('FILE    ');
  content.writeUInt16BE(64, 8);
  content.write(SUGGESTED_NAME, 0x18);
  for (let at = 66; at < SIZE - pattern.length; at += PATTERN_EVERY) content.set(pattern, at);
  content.set(pattern, SIZE - pattern.length);
  return fileDump(simDir, 0x2_0000_0001n, content);
}

/** Reads it in all the ways that leave bytes somewhere. */
async function readInAllWays(scene: Mounted, dump: ExpectedDump, open: FileUser): Promise<void> {
  const path = scene.at(dump.name);
  await Promise.all([1, 2, 3].map(() => mustRun('cat', [path])));
  for (let round = 0; round < 60; round += 1) {
    await open.forget();
    await open.pread((round * 99_991) % SIZE, 1 + ((round * 7919) % 40_000));
  }
  expect((await mustRun('getfattr', ['-d', path])).stdout).toContain(SUGGESTED_NAME);
}

/** @param args what the daemon is started with besides */
async function expectWiped(cell: Cell, args: readonly string[]): Promise<Mounted> {
  const scene = new Mounted(cell);
  const level = join(scene.directory, 'lockdown');
  writeFileSync(level, '[none] integrity confidentiality\n');
  const pattern = randomBytes(32);
  const dump = patternedDump(scene.simDir, pattern);
  await scene.start(
    `--sim-dir=${scene.simDir}`,
    `--lockdown-file=${level}`,
    '--cache-size=8MiB',
    ...args.map((arg) => arg.replace('OUT', scene.out)),
  );
  await using open = await FileUser.of(scene.at(dump.name));
  await readInAllWays(scene, dump, open);
  const pid = scene.daemon.child.pid ?? -1;
  expect(searchMemory(pid, pattern).length, 'the search finds what is there').toBeGreaterThan(100);

  writeFileSync(level, 'none integrity [confidentiality]\n');

  await scene.daemon.said('locked down: no dump can be reached until restart');
  await until('cached pages are gone', async () => (await open.pread(0, 1)) === 'EPERM');
  await until('threads have ended what they were at', () => searchMemory(pid, pattern).length === 0);
  // A part of it would do to an attacker as well.
  for (const at of [0, 8, 16]) expect(searchMemory(pid, pattern.subarray(at, at + 16))).toEqual([]);
  return scene;
}

describe.each(CELLS)('memory of the daemon at lockdown, $transport, $discipline', (cell) => {
  const spool = cell.discipline === 'papr' ? 'OUT' : 'none';
  test(`holds nothing of a dump, with --spool=${spool}`, async () => {
    await using scene = await expectWiped(cell, [`--spool=${spool}`]);
    const limits = readFileSync(`/proc/${scene.daemon.child.pid}/limits`, 'utf8');
    expect(limits).toMatch(/^Max core file size +1 +1 /m);
    expect(scene.daemon.logged('this process could not be protected in full')).toBeUndefined();
    // Node opens a debugger's port at this signal, and says so on standard error, unless somebody takes it.
    scene.daemon.child.kill('SIGUSR1');
    await mustRun('ls', [scene.mountpoint]);
  });
});

test('memory holds nothing of a dump without native packages either, and one line says what is missing', async () => {
  const before = process.env['NODE_OPTIONS'];
  process.env['NODE_OPTIONS'] = `${before ?? ''} --no-addons`;
  try {
    await using scene = await expectWiped({ transport: 'kernel', discipline: 'papr' }, ['--spool=OUT']);
    const limits = readFileSync(`/proc/${scene.daemon.child.pid}/limits`, 'utf8');
    expect(limits).toMatch(/^Max core file size +1 +1 /m);
    expect(scene.daemon.logged('this process could not be protected in full')).toMatchObject({
      without: 'closed to debuggers, freed memory overwritten',
      why: 'the optional package koffi cannot be loaded',
    });
  } finally {
    if (before === undefined) delete process.env['NODE_OPTIONS'];
    else process.env['NODE_OPTIONS'] = before;
  }
});
