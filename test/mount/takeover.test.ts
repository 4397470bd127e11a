import { readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { FileUser } from '../support/file-user.js';
import { Kept } from '../support/kept.js';
import type { Cell } from '../support/mounted.js';
import { KERNEL, KERNEL_CELLS, until } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';
import { SyscallClient } from '../support/syscall-client.js';

const TAG = 0x2_0000_0001n;
const SIZE = 3_000_001;
const HALF = 1_500_000;
/** More than half of it ahead of a reader is not read ahead. */
const LARGE = 8_000_001;

/** Each of 734 calls takes a moment: a reader is in the middle of the dump when the program ends. */
const SLOWLY = { latencyUs: 1000 };

const ENDS = [
  { how: 'restart', again: (kept: Kept, meanwhile?: () => unknown) => kept.restart(meanwhile) },
  { how: 'kill -9', again: (kept: Kept, meanwhile?: () => unknown) => kept.killAndStart(meanwhile) },
];

async function remove(path: string): Promise<string> {
  const { status, stderr } = await runTool('rm', ['-f', path]);
  return status === 0 ? 'removed' : stderr.trim().replace(/^.*: /, '');
}

/** What the next process is told. */
function written(kept: Kept): string {
  return readFileSync(kept.handoverPath ?? '', 'utf8');
}

/** From then on the dump can be told from another one, also after kill -9. */
function untilKnown(kept: Kept): Promise<void> {
  return until('its beginning is written down', () => written(kept).includes('"beginning":'));
}

function untilWhole(kept: Kept): Promise<void> {
  return until('it is written down', () => written(kept).includes('"isWhole":true'));
}

async function inoOf(path: string): Promise<number> {
  return Number((await mustRun('stat', ['-c', '%i', path])).stdout);
}

/** Somebody else takes the dump away, and the platform makes another one under its tag. */
function replace(kept: Kept, { name, tag, size }: ExpectedDump): void {
  renameSync(join(kept.simDir, name), join(kept.directory, 'taken'));
  fileDump(kept.simDir, tag, size);
}

/** Somebody has read all of it, has it open still, and its removal waits for that. */
async function unlinkedWhileOpen(kept: Kept, dump: ExpectedDump): Promise<FileUser> {
  await kept.start();
  const path = kept.at(dump.name);
  const user = await FileUser.of(path);
  await user.pread(0, SIZE);
  await untilWhole(kept);
  expect(await remove(path)).toBe('removed');
  return user;
}

const matrix = KERNEL_CELLS.flatMap((cell) => ENDS.map((end) => ({ ...end, ...cell, cell })));

describe.each(matrix)('$how with a kept device, $discipline', ({ cell, again }) => {
  test('who has read half a dump gets the other half, and lists the directory on', async () => {
    await using kept = await Kept.of(cell);
    const dump = fileDump(kept.simDir, TAG, SIZE);
    fileDump(kept.simDir, TAG + 1n, 5000);
    await kept.start();
    await using user = await FileUser.of(kept.at(dump.name));
    expect(await user.hash(0, HALF)).toBe(sha256(dump, 0, HALF));
    const ino = await user.number('ino');
    await untilKnown(kept);
    await again(kept);
    expect(kept.isGoingOn).toBe(true);
    expect(kept.mounts).toBe(1);
    expect(await user.hash(HALF, SIZE)).toBe(sha256(dump, HALF, SIZE));
    expect(await user.number('size')).toBe(SIZE);
    expect(await user.number('ino')).toBe(ino);
    await user.forget();
    expect(await user.hash(0, SIZE)).toBe(sha256(dump));
    expect((await mustRun('ls', [kept.mountpoint])).stdout.split('\n')).toHaveLength(3);
  });

  test('a reader who waits for firmware meanwhile, a copy and a mapping get every byte', async () => {
    await using kept = await Kept.of(cell);
    const dump = fileDump(kept.simDir, TAG, SIZE, SLOWLY);
    await kept.start();
    await using mapping = await FileUser.of(kept.at(dump.name));
    expect(await mapping.errno('map')).toBeUndefined();
    const copy = join(kept.out, 'copy');
    const reading = [runTool('cat', [kept.at(dump.name)]), runTool('cp', [kept.at(dump.name), copy])];
    await until('firmware is read', async () => (await kept.trace()).length > 50);
    const byte = mapping.peek(SIZE - 1);
    await untilKnown(kept);
    await again(kept);
    expect(await byte).toBe(dump.bytes(SIZE - 1, SIZE)[0]);
    const [cat, cp] = await Promise.all(reading);
    expect(cat).toMatchObject({ status: 0, sha256: sha256(dump) });
    expect(cp).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(copy).equals(dump.bytes(0, SIZE))).toBe(true);
  });

  test('what was delivered partly before and partly after can be removed', async () => {
    await using kept = await Kept.of(cell);
    const dump = fileDump(kept.simDir, TAG, LARGE);
    await kept.start();
    const path = kept.at(dump.name);
    await using user = await FileUser.of(path);
    await user.pread(0, HALF);
    expect(await remove(path)).toBe('Device or resource busy');
    await untilKnown(kept);
    await again(kept);
    // After kill -9 what came last may not count: it can be read once more.
    await user.pread(0, LARGE);
    expect(await user.errno('close')).toBeUndefined();
    expect(await remove(path)).toBe('removed');
    expect(readdirSync(kept.simDir)).toEqual([`${dump.name}.invalidated`]);
  });

  test('a removal that waits for its last reader is done when that has closed the file', async () => {
    await using kept = await Kept.of(cell);
    const dump = fileDump(kept.simDir, TAG, SIZE);
    await using user = await unlinkedWhileOpen(kept, dump);
    await again(kept);
    expect((await mustRun('ls', [kept.mountpoint])).stdout).toBe('');
    expect(readdirSync(kept.simDir)).toEqual([dump.name]);
    await user.forget();
    expect(await user.hash(0, SIZE)).toBe(sha256(dump));
    expect(await user.errno('close')).toBeUndefined();
    await until('firmware is told', () => readdirSync(kept.simDir)[0] === `${dump.name}.invalidated`);
  });

  test('another dump that took the tag meanwhile is another file, and is not removed', async () => {
    await using kept = await Kept.of(cell);
    const dump = fileDump(kept.simDir, TAG, SIZE);
    await kept.start();
    const path = kept.at(dump.name);
    await using user = await FileUser.of(path);
    expect(await user.hash(0, SIZE)).toBe(sha256(dump));
    const ino = await user.number('ino');
    await untilWhole(kept);
    await again(kept, () => replace(kept, dump));
    await until('firmware is asked', async () => (await inoOf(path)) !== ino);
    expect(await remove(path)).toBe('Device or resource busy');
    await user.forget();
    expect(await user.pread(0, 100)).toBe('ESTALE');
    expect(readdirSync(kept.simDir)).toEqual([dump.name]);
    expect(await kept.invalidations()).toEqual([]);
  });

  test('who has got a few bytes a moment ago gets none of another dump', async () => {
    await using kept = await Kept.of(cell);
    const dump = fileDump(kept.simDir, TAG, SIZE);
    await kept.start();
    await using user = await FileUser.of(kept.at(dump.name));
    expect(await user.hash(0, 4096)).toBe(sha256(dump, 0, 4096));
    await again(kept, () => replace(kept, dump));
    await user.forget();
    expect(await user.pread(0, 100)).toBe('ESTALE');
  });

  test('another dump that took the tag of one that was to be removed is not removed', async () => {
    await using kept = await Kept.of(cell);
    const dump = fileDump(kept.simDir, TAG, SIZE);
    await using user = await unlinkedWhileOpen(kept, dump);
    await again(kept, () => replace(kept, dump));
    expect(await user.errno('close')).toBeUndefined();
    await kept.daemon.said(
      'an unlinked dump is not removed: it is no longer what firmware holds under its tag',
    );
    await until('it is listed', async () => (await runTool('ls', [kept.at(dump.name)])).status === 0);
    expect(readdirSync(kept.simDir)).toEqual([dump.name]);
    expect(await kept.invalidations()).toEqual([]);
  });
});

describe('a restart with a kept device', () => {
  const cell: Cell = KERNEL;

  test('a directory that is being listed is listed on', async () => {
    await using kept = await Kept.of(cell);
    for (let at = 0n; at < 50n; at += 1n) fileDump(kept.simDir, TAG + at, 100);
    await kept.start();
    using client = new SyscallClient();
    const fd = await client.must('opendir', kept.mountpoint);
    const entries = await client.must('entries at', fd, 0, 512);
    await kept.restart();
    for (let more = entries; more.length > 0; entries.push(...more))
      more = await client.must('entries at', fd, entries.at(-1)?.offset ?? 0, 512);
    const names = entries.map(({ name }) => name);
    expect(names.sort()).toEqual(['.', '..', ...readdirSync(kept.simDir)].sort());
  });

  test('five in a row are a pause for two copies', async () => {
    await using kept = await Kept.of(cell);
    const dump = fileDump(kept.simDir, TAG, SIZE, SLOWLY);
    await kept.start();
    const copies = ['one', 'two'].map((name) => join(kept.out, name));
    const copying = copies.map((copy) => runTool('cp', [kept.at(dump.name), copy]));
    for (let times = 0; times < 5; times += 1) await kept.restart();
    for (const copy of copying) expect(await copy).toMatchObject({ status: 0, stderr: '' });
    for (const copy of copies) expect(readFileSync(copy).equals(dump.bytes(0, SIZE))).toBe(true);
  });

  test.each([
    { what: 'a file of another format', spoil: (text: string) => text.replace('"format":1', '"format":2') },
    {
      what: 'a file about another mount',
      spoil: (text: string) => text.replace(/platdumpfs-./, 'platdumpfs-x'),
    },
    { what: 'a file with a wrong line', spoil: (text: string) => `${text}{"opened":{"fh":"1"}}\n` },
    { what: 'an empty file', spoil: () => '' },
  ])('$what: readers are interrupted, as without', async ({ spoil }) => {
    await using kept = await Kept.of(cell);
    const dump = fileDump(kept.simDir, TAG, SIZE);
    await kept.start();
    await using user = await FileUser.of(kept.at(dump.name));
    await user.pread(0, HALF);
    await kept.restart(() => {
      const path = kept.handoverPath ?? '';
      writeFileSync(path, spoil(written(kept)));
    });
    expect(kept.isGoingOn).toBe(false);
    expect(kept.mounts).toBe(1);
    await user.forget();
    expect(await user.pread(HALF, 100)).toBe('ENOTCONN');
    expect((await mustRun('cat', [kept.at(dump.name)])).sha256).toBe(sha256(dump));
    await kept.restart();
    expect(kept.isGoingOn).toBe(true);
  });

  test('with other options for the kernel it is another mount', async () => {
    await using kept = await Kept.of(cell);
    const dump = fileDump(kept.simDir, TAG, SIZE);
    await kept.start();
    await kept.restart(undefined, '--allow-other');
    expect(kept.isGoingOn).toBe(false);
    expect((await mustRun('cat', [kept.at(dump.name)])).sha256).toBe(sha256(dump));
  });

  test('lockdown that rose meanwhile hides all of it, from those who have files open too', async () => {
    await using kept = await Kept.of(cell);
    const dump = fileDump(kept.simDir, TAG, SIZE);
    await kept.start();
    await using user = await FileUser.of(kept.at(dump.name));
    await user.pread(0, SIZE);
    expect(await user.resident(SIZE)).toBeGreaterThan(0);
    await kept.restart(() => kept.lock());
    await until('the pages are dropped', async () => (await user.resident(SIZE)) === 0);
    expect(await user.pread(0, 100)).toBe('EPERM');
    expect((await mustRun('ls', ['-A', kept.mountpoint])).stdout).toBe('');
    expect(kept.handoverPath).toBeUndefined();
    expect(await kept.invalidations()).toEqual([]);
  });

  test('once lockdown has risen nothing is left for another process', async () => {
    await using kept = await Kept.of(cell);
    fileDump(kept.simDir, TAG, SIZE);
    await kept.start();
    expect(kept.handoverPath).toBeDefined();
    kept.lock();
    await until('the file is removed', () => kept.handoverPath === undefined);
    expect(await kept.stopForRestart()).toBe(0);
    expect(kept.mounts).toBe(0);
  });

  test.each([
    { what: 'a stop', end: (kept: Kept) => kept.daemon.stop() },
    {
      what: 'umount(8)',
      end: async (kept: Kept) => {
        await mustRun('umount', [kept.mountpoint]);
        return kept.daemon.exit();
      },
    },
  ])('$what unmounts and leaves nothing', async ({ end }) => {
    await using kept = await Kept.of(cell);
    fileDump(kept.simDir, TAG, SIZE);
    await kept.start();
    expect(await end(kept)).toBe(0);
    expect(kept.mounts).toBe(0);
    expect(kept.handoverPath).toBeUndefined();
  });

  test('what the next process is told holds no byte of a dump, and is for nobody else', async () => {
    await using kept = await Kept.of(cell);
    const secret = 'PLATFORMDUMPSECRET';
    const dump = fileDump(kept.simDir, TAG, Buffer.from(secret.repeat(1000)));
    await kept.start();
    expect((await mustRun('cat', [kept.at(dump.name)])).sha256).toBe(sha256(dump));
    await kept.stopForRestart();
    const path = kept.handoverPath ?? '';
    const text = readFileSync(path, 'latin1');
    expect(text).toContain('"isWhole":true');
    expect(text).not.toContain(secret);
    expect(text).not.toContain(Buffer.from(secret).toString('hex'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await kept.start();
  });
});
