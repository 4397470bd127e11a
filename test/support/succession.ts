import { readFileSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ExpectedDump } from './expected-dump.js';
import { fileDump, sha256 } from './expected-dump.js';
import { FileUser } from './file-user.js';
import type { Kept } from './kept.js';
import type { Lasting } from './lasting.js';
import type { Cell } from './mounted.js';
import { KERNEL_CELLS, until } from './mounted.js';
import { mustRun, runTool } from './run-tool.js';

const TAG = 0x2_0000_0001n;
const SIZE = 3_000_001;
const HALF = 1_500_000;
/** More than half of it ahead of a reader is not read ahead. */
const LARGE = 8_000_001;

/** Each of 734 calls takes a moment: a reader is in the middle of the dump when the program ends. */
const SLOWLY = { latencyUs: 1000 };

/** A way in which one process follows another. */
export interface Succession<Mount extends Lasting> {
  readonly how: string;
  readonly of: (cell: Cell) => Promise<Mount>;
  readonly again: (mount: Mount, meanwhile?: () => unknown) => Promise<unknown>;
}

export async function remove(path: string): Promise<string> {
  const { status, stderr } = await runTool('rm', ['-f', path]);
  return status === 0 ? 'removed' : stderr.trim().replace(/^.*: /, '');
}

async function inoOf(path: string): Promise<number> {
  return Number((await mustRun('stat', ['-c', '%i', path])).stdout);
}

/** Somebody else takes the dump away, and the platform makes another one under its tag. */
export function replace({ simDir, directory }: Lasting, { name, tag, size }: ExpectedDump): void {
  renameSync(join(simDir, name), join(directory, 'taken'));
  fileDump(simDir, tag, size);
}

/** Somebody has read all of it, has it open still, and its removal waits for that. */
export async function unlinkedWhileOpen(
  kept: Lasting,
  dump: ExpectedDump,
  ...options: string[]
): Promise<FileUser> {
  await kept.start(...options);
  const path = kept.at(dump.name);
  const user = await FileUser.of(path);
  await user.pread(0, dump.size);
  await kept.untilWhole();
  expect(await remove(path)).toBe('removed');
  return user;
}

/** What readers see of it. */
export function whatReadersSee<Mount extends Lasting>({ how, of, again }: Succession<Mount>): void {
  describe.each(KERNEL_CELLS)(`${how}, $discipline`, (cell) => {
    test('who has read half a dump gets the other half, and lists the directory on', async () => {
      await using kept = await of(cell);
      const dump = fileDump(kept.simDir, TAG, SIZE);
      fileDump(kept.simDir, TAG + 1n, 5000);
      await kept.start();
      await using user = await FileUser.of(kept.at(dump.name));
      expect(await user.hash(0, HALF)).toBe(sha256(dump, 0, HALF));
      const ino = await user.number('ino');
      await kept.untilKnown();
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
      await using kept = await of(cell);
      const dump = fileDump(kept.simDir, TAG, SIZE, SLOWLY);
      await kept.start();
      await using mapping = await FileUser.of(kept.at(dump.name));
      expect(await mapping.errno('map')).toBeUndefined();
      const copy = join(kept.out, 'copy');
      const reading = [runTool('cat', [kept.at(dump.name)]), runTool('cp', [kept.at(dump.name), copy])];
      await until('firmware is read', async () => (await kept.trace()).length > 50);
      const byte = mapping.peek(SIZE - 1);
      await kept.untilKnown();
      await again(kept);
      expect(await byte).toBe(dump.bytes(SIZE - 1, SIZE)[0]);
      const [cat, cp] = await Promise.all(reading);
      expect(cat).toMatchObject({ status: 0, sha256: sha256(dump) });
      expect(cp).toMatchObject({ status: 0, stderr: '' });
      expect(readFileSync(copy).equals(dump.bytes(0, SIZE))).toBe(true);
    });

    test('what was delivered partly before and partly after can be removed', async () => {
      await using kept = await of(cell);
      const dump = fileDump(kept.simDir, TAG, LARGE);
      await kept.start();
      const path = kept.at(dump.name);
      await using user = await FileUser.of(path);
      await user.pread(0, HALF);
      expect(await remove(path)).toBe('Device or resource busy');
      await kept.untilKnown();
      await again(kept);
      // After kill -9 what came last may not count: it can be read once more.
      await user.pread(0, LARGE);
      expect(await user.errno('close')).toBeUndefined();
      expect(await remove(path)).toBe('removed');
      expect(readdirSync(kept.simDir)).toEqual([`${dump.name}.invalidated`]);
    });

    test('a removal that waits for its last reader is done when that has closed the file', async () => {
      await using kept = await of(cell);
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
  });
}

/** Another dump takes a tag while nobody serves. */
export function whatAnotherDumpGets({ how, of, again }: Succession<Kept>): void {
  describe.each(KERNEL_CELLS)(`${how}, $discipline`, (cell) => {
    test('another dump that took the tag meanwhile is another file, and is not removed', async () => {
      await using kept = await of(cell);
      const dump = fileDump(kept.simDir, TAG, SIZE);
      await kept.start();
      const path = kept.at(dump.name);
      await using user = await FileUser.of(path);
      expect(await user.hash(0, SIZE)).toBe(sha256(dump));
      const ino = await user.number('ino');
      await kept.untilWhole();
      await again(kept, () => replace(kept, dump));
      await until('firmware is asked', async () => (await inoOf(path)) !== ino);
      expect(await remove(path)).toBe('Device or resource busy');
      await user.forget();
      expect(await user.pread(0, 100)).toBe('ESTALE');
      expect(readdirSync(kept.simDir)).toEqual([dump.name]);
      expect(await kept.invalidations()).toEqual([]);
    });

    test('who has got a few bytes a moment ago gets none of another dump', async () => {
      await using kept = await of(cell);
      const dump = fileDump(kept.simDir, TAG, SIZE);
      await kept.start();
      await using user = await FileUser.of(kept.at(dump.name));
      expect(await user.hash(0, 4096)).toBe(sha256(dump, 0, 4096));
      await again(kept, () => replace(kept, dump));
      await user.forget();
      expect(await user.pread(0, 100)).toBe('ESTALE');
    });

    test('another dump that took the tag of one that was to be removed is not removed', async () => {
      await using kept = await of(cell);
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
}
