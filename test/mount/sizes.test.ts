import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DumpTag } from '../../src/base/tag.js';
import { tagName } from '../../src/base/tag.js';
import { KERNEL, KERNEL_CELLS, Mounted } from '../support/mounted.js';
import { MIB } from '../support/all-sizes.js';
import { runTool } from '../support/run-tool.js';

/** Not a multiple of anything, and more than the distance at which firmware is asked before a reader gets there. */
const SIZE = 5 * MIB + 13;
const KIB = 1024;

interface Case {
  readonly announced: string;
  readonly size: number | null;
}

const CASES: readonly Case[] = [
  { announced: 'too small, a multiple of what the kernel asks for', size: 40 * 128 * KIB },
  { announced: 'too small, unaligned', size: 5 * MIB - 777 },
  { announced: 'too small by one byte', size: SIZE - 1 },
  { announced: 'much too small, aligned', size: 128 * KIB },
  { announced: 'much too small, unaligned', size: 1000 },
  { announced: 'too big', size: SIZE + 3 * MIB + 5 },
  { announced: 'too big by one byte', size: SIZE + 1 },
  { announced: 'not at all', size: null },
  { announced: 'right', size: SIZE },
];

type Command = readonly [program: string, ...args: string[]];

interface Copier {
  readonly tool: string;
  readonly commands: (from: string, to: string) => readonly Command[];
  /** Gets every byte also where the size was announced too small. */
  readonly reads: 'to the end' | 'what stat says';
}

const COPIERS: readonly Copier[] = [
  { tool: 'cp', reads: 'to the end', commands: (from, to) => [['cp', from, join(to, 'copy')]] },
  {
    tool: 'cp --sparse=always',
    reads: 'to the end',
    commands: (from, to) => [['cp', '--sparse=always', from, join(to, 'copy')]],
  },
  {
    tool: 'dd',
    reads: 'to the end',
    commands: (from, to) => [['dd', `if=${from}`, `of=${join(to, 'copy')}`, 'bs=64K', 'status=none']],
  },
  {
    tool: 'cat',
    reads: 'to the end',
    commands: (from, to) => [['sh', '-c', 'exec cat "$0" >"$1"', from, join(to, 'copy')]],
  },
  {
    tool: 'rsync',
    reads: 'what stat says',
    commands: (from, to) => [['rsync', '-a', from, join(to, 'copy')]],
  },
  {
    tool: 'tar',
    reads: 'what stat says',
    commands: (from, to) => [
      ['tar', '-cf', join(to, 'tar'), '-C', dirname(from), `--transform=s/.*/copy/`, basename(from)],
      ['tar', '-xf', join(to, 'tar'), '-C', to],
    ],
  },
];

const ROWS = CASES.flatMap((wrong, row) =>
  COPIERS.map((copier, column) => ({
    ...wrong,
    ...copier,
    name: tagName(((2n << 32n) | BigInt(row * COPIERS.length + column)) as DumpTag),
  })),
);

describe.each(KERNEL_CELLS)('size announced wrong, $transport, $discipline', (cell) => {
  // Of each kind of tool one does where a pass is all that differs.
  const rows = cell === KERNEL ? ROWS : ROWS.filter(({ tool }) => tool === 'cp' || tool === 'rsync');
  const content = randomBytes(SIZE);
  let mounted: Mounted;

  beforeAll(async () => {
    mounted = new Mounted(cell);
    // One file under many names: each is a dump of its own that nobody has read before.
    const file = join(mounted.directory, 'content');
    writeFileSync(file, content);
    for (const { name, size } of rows) {
      writeFileSync(join(mounted.simDir, `${name}.json`), JSON.stringify({ announcedSize: size }));
      linkSync(file, join(mounted.simDir, name));
    }
    await mounted.start(`--sim-dir=${mounted.simDir}`);
  });

  afterAll(() => mounted[Symbol.asyncDispose]());

  /** @returns the statuses of all commands, and how the copy compares */
  async function attempt(
    name: string,
    commands: Copier['commands'],
    to: string,
  ): Promise<{ failed: boolean; copy: string; said: string }> {
    await mkdir(to);
    try {
      let failed = false;
      let said = '';
      for (const [program, ...args] of commands(mounted.at(name), to)) {
        const { status, stderr } = await runTool(program, args);
        failed ||= status !== 0;
        said += stderr;
      }
      return { failed, copy: compare(join(to, 'copy')), said };
    } finally {
      await rm(to, { recursive: true });
    }
  }

  function compare(path: string): string {
    if (!existsSync(path)) return 'missing';
    const copy = readFileSync(path);
    if (copy.equals(content)) return 'whole';
    return copy.length < SIZE ? `short: ${copy.length} of ${SIZE}` : `other bytes: ${copy.length} of ${SIZE}`;
  }

  test.each(rows)('$announced: $tool copies every byte or fails', async ({ name, commands, reads, size }) => {
    const first = await attempt(name, commands, join(mounted.out, name));
    if (!first.failed) expect(first.copy).toBe('whole');
    if (reads === 'to the end' && size !== null && size < SIZE && size % (128 * KIB) !== 0)
      expect(first).toEqual({ failed: false, copy: 'whole', said: '' });
    // Too big: the end that firmware shows is the end for whoever reads on.
    if (reads === 'to the end' && size !== null && size > SIZE)
      expect(first).toEqual({ failed: false, copy: 'whole', said: '' });
    if (size === null || size === SIZE) expect(first).toEqual({ failed: false, copy: 'whole', said: '' });

    const second = await attempt(name, commands, join(mounted.out, name));
    expect(second).toEqual({ failed: false, copy: 'whole', said: '' });
  });
});
