import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { FileUser } from '../support/file-user.js';
import { Kept } from '../support/kept.js';
import type { Cell } from '../support/mounted.js';
import { KERNEL, until } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';
import { remove, replace, unlinkedWhileOpen } from '../support/succession.js';
import { SyscallClient } from '../support/syscall-client.js';

const TAG = 0x2_0000_0001n;
const SIZE = 3_000_001;
const HALF = 1_500_000;

/** Each of 734 calls takes a moment: a reader is in the middle of the dump when the program ends. */
const SLOWLY = { latencyUs: 1000 };

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
      writeFileSync(path, spoil(kept.written));
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

  test.each([
    { what: 'the same dump', isReplaced: false },
    { what: 'another dump', isReplaced: true },
  ])(
    '--unlink=force, killed: a removal that waits for its last reader finds $what',
    async ({ isReplaced }) => {
      await using kept = await Kept.of(cell);
      const dump = fileDump(kept.simDir, TAG, SIZE);
      await using user = await unlinkedWhileOpen(kept, dump, '--unlink=force');
      await kept.killAndStart(() => isReplaced && replace(kept, dump));
      expect(await user.errno('close')).toBeUndefined();
      await kept.daemon.said(
        isReplaced
          ? 'an unlinked dump is not removed: it is no longer what firmware holds under its tag'
          : 'dump removed',
      );
      expect(await kept.invalidations()).toEqual(isReplaced ? [] : [dump.name]);
    },
  );

  test('--unlink=force, killed in the middle of rm: another dump is not removed unless rm is repeated', async () => {
    await using kept = await Kept.of(cell);
    const dump = fileDump(kept.simDir, TAG, SIZE, SLOWLY);
    await kept.start('--unlink=force');
    // Nobody has read it: firmware hands it over to nobody, since it does not forget what it has not.
    const removing = remove(kept.at(dump.name));
    await until('firmware is read', async () => (await kept.trace()).length > 50);
    await kept.killAndStart(() => replace(kept, dump));
    expect(await removing).toBe('Device or resource busy');
    expect(await kept.invalidations()).toEqual([]);
    expect(await remove(kept.at(dump.name))).toBe('removed');
    expect(await kept.invalidations()).toEqual([dump.name]);
  });

  test('a removal under another rule than it was accepted under is not carried out, and that is said', async () => {
    await using kept = await Kept.of(cell);
    const dump = fileDump(kept.simDir, TAG, SIZE);
    await using user = await unlinkedWhileOpen(kept, dump, '--unlink=force');
    await kept.restart(undefined, '--unlink=delivered');
    const said = 'unlinked dumps are not removed after this start: repeat the removal';
    expect(await kept.daemon.said(said)).toMatchObject({ dumps: 1 });
    expect(await user.errno('close')).toBeUndefined();
    expect((await mustRun('ls', [kept.mountpoint])).stdout).toBe(`${dump.name}\n`);
    expect(await kept.invalidations()).toEqual([]);
  });

  test('lockdown that rose meanwhile hides all of it, from those who have files open too', async () => {
    await using kept = await Kept.of(cell);
    const dump = fileDump(kept.simDir, TAG, SIZE);
    await kept.start();
    await using user = await FileUser.of(kept.at(dump.name));
    await user.pread(0, SIZE);
    expect(await user.resident(SIZE)).toBeGreaterThan(0);
    let calls = 0;
    await kept.restart(async () => {
      kept.lock();
      calls = (await kept.trace()).length;
    });
    await until('the pages are dropped', async () => (await user.resident(SIZE)) === 0);
    expect(await user.pread(0, 100)).toBe('EPERM');
    expect((await mustRun('ls', ['-A', kept.mountpoint])).stdout).toBe('');
    // Nor is firmware asked what the next one would like to know of it.
    expect(await kept.trace()).toHaveLength(calls);
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
