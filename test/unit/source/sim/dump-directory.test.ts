import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LogFields, Logger } from '../../../../src/base/log.js';
import { dumpTag } from '../../../../src/base/tag.js';
import type { DumpTag } from '../../../../src/base/tag.js';
import { DumpDirectory } from '../../../../src/source/sim/index.js';

const NAME = '0x0000000200000001';
const TAG = dumpTag(0x2_0000_0001n);

let directory: string;
let opened: DumpDirectory[];
let warnings: [message: string, fields?: LogFields | undefined][];
const log: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (...line) => void warnings.push(line),
  error: () => undefined,
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'platdumpfs-sim-'));
  opened = [];
  warnings = [];
});

afterEach(() => {
  for (const one of opened) one[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

function open(reserved = new Set<DumpTag>()): DumpDirectory {
  const one = new DumpDirectory(directory, { log, reserved });
  opened.push(one);
  return one;
}

function write(name: string, content: string | Buffer, ageMs = 0): void {
  writeFileSync(join(directory, name), content);
  const at = new Date(Date.now() - ageMs);
  if (ageMs !== 0) utimesSync(join(directory, name), at, at);
}

/** The next change that concerns TAG. */
function change(dumps: DumpDirectory, act: () => void): Promise<void> {
  return new Promise((resolve) => {
    const end = dumps.onChange((tags) => {
      if (!tags.has(TAG)) return;
      end();
      resolve();
    });
    act();
  });
}

describe('DumpDirectory at the start', () => {
  test('takes regular files named by tag, in any spelling, and nothing else', () => {
    for (const name of [
      NAME,
      '300000001',
      '0X4000000AB',
      'readme',
      `${NAME}.json`,
      `${NAME}.invalidated`,
      '0x1.json',
    ])
      write(name, name.endsWith('.json') ? '{}' : 'bytes');
    mkdirSync(join(directory, '0x5'));
    symlinkSync('nowhere', join(directory, '0x6'));
    symlinkSync(NAME, join(directory, '0x7'));
    const tags = [...open().values()].map(({ tag }) => tag).sort((a, b) => Number(a - b));
    expect(tags).toEqual([7n, 0x2_0000_0001n, 0x3_0000_0001n, 0x4_0000_00abn]);
  });

  test('reads the side file, whose faults may lie at the very end', () => {
    write(NAME, Buffer.alloc(5000));
    write(`${NAME}.json`, '{"announcedSize":null,"faults":[{"at":5000,"status":-1}]}');
    expect(open().get(TAG)).toMatchObject({
      file: { path: join(directory, NAME), size: 5000 },
      side: { announcedSize: null, faults: [{ at: 5000, status: -1, times: 1 }] },
    });
  });

  test.each([
    ['{', 'not JSON'],
    ['{"faults":[{"at":6,"status":-1}]}', 'faults[0].at is 6'],
    ['{"chunks":1}', 'unknown key "chunks"'],
  ])('fails on the side file %s', (text, message) => {
    write(NAME, 'bytes');
    write(`${NAME}.json`, text);
    expect(open).toThrow(message);
    expect(open).toThrow(`${NAME}.json`);
  });

  test('fails on a directory that is not there, naming it', () => {
    expect(() => new DumpDirectory(join(directory, 'none'), { log })).toThrow(/cannot read .*\/none'/);
  });

  test('takes one of two files with the same tag and says so', () => {
    write(NAME, 'one');
    write('200000001', 'other');
    expect([...open().values()]).toHaveLength(1);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.[0]).toContain('same tag');
  });

  test('leaves a tag that is taken', () => {
    write(NAME, 'one');
    expect([...open(new Set([TAG])).values()]).toEqual([]);
    expect(warnings).toHaveLength(1);
  });
});

describe('DumpDirectory later', () => {
  test('a file that is written appears, once it is complete', async () => {
    const dumps = open();
    await change(dumps, () => {
      write(NAME, 'first part');
      setTimeout(() => write(NAME, 'first part and the rest'), 20);
    });
    expect(dumps.get(TAG)?.file.size).toBe('first part and the rest'.length);
  });

  test('an old file that is moved here appears', async () => {
    write('other', 'bytes', 60_000);
    const dumps = open();
    await change(dumps, () => renameSync(join(directory, 'other'), join(directory, NAME)));
    expect(dumps.get(TAG)?.file.size).toBe(5);
  });

  test('a file dated in the future appears', async () => {
    const dumps = open();
    await change(dumps, () => write(NAME, 'bytes', -3_600_000));
    expect(dumps.get(TAG)).toBeDefined();
  });

  test('a file that is deleted vanishes', async () => {
    write(NAME, 'bytes');
    const dumps = open();
    await change(dumps, () => rmSync(join(directory, NAME)));
    expect(dumps.get(TAG)).toBeUndefined();
  });

  test.each([
    [
      'another file takes its name',
      () => {
        write('new', 'other');
        renameSync(join(directory, 'new'), join(directory, NAME));
      },
    ],
    ['it is written over', () => write(NAME, 'other')],
    ['a side file comes', () => write(`${NAME}.json`, '{"chunk":1024}')],
  ])('a dump is another one when %s', async (_what, act) => {
    write(NAME, 'bytes', 1000);
    const dumps = open();
    const before = dumps.get(TAG);
    await change(dumps, act);
    if (dumps.get(TAG) === undefined) await change(dumps, () => undefined);
    expect(dumps.get(TAG)?.version).not.toBe(before?.version);
  });

  test('a wrong side file hides its dump and is logged once', async () => {
    write(NAME, 'bytes', 1000);
    const dumps = open();
    await change(dumps, () => write(`${NAME}.json`, '{"chunk":0}', 1000));
    expect(dumps.get(TAG)).toBeUndefined();
    await change(dumps, () => write(`${NAME}.json`, '{"chunk":1024}', 1000));
    expect(dumps.get(TAG)?.side.chunk).toEqual([1024, 1024]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.[1]).toMatchObject({ tag: NAME });
  });

  test('a directory that is deleted empties the list', async () => {
    write(NAME, 'bytes');
    const dumps = open();
    await change(dumps, () => rmSync(directory, { recursive: true }));
    expect([...dumps.values()]).toEqual([]);
    mkdirSync(directory);
  });
});

describe('DumpDirectory.find', () => {
  test('sees a file at once, and tells of it', async () => {
    const dumps = open();
    await change(dumps, () => {
      write(NAME, 'bytes');
      expect(dumps.find(TAG)?.file.size).toBe(5);
    });
  });

  test('finds nothing where nothing is', () => {
    expect(open().find(TAG)).toBeUndefined();
  });
});

test('DumpDirectory looks at 10,000 files without holding the event loop', async () => {
  for (let id = 0; id < 10_000; id += 1) write(`0x3${String(id).padStart(8, '0')}`, '');
  const dumps = open();
  expect([...dumps.values()]).toHaveLength(10_000);
  let longestMs = 0;
  let last = performance.now();
  const clock = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - last);
    last = performance.now();
  }, 1);
  await change(dumps, () => write(NAME, 'bytes'));
  await change(dumps, () => rmSync(join(directory, NAME)));
  clearInterval(clock);
  expect(longestMs).toBeLessThan(2000);
});
