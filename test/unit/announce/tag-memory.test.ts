import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLogger } from '../../../src/base/log.js';
import { dumpTag, tagName } from '../../../src/base/tag.js';
import { TagMemory } from '../../../src/announce/tag-memory.js';
import { Bare, TAG, sampleBytes } from '../../support/bare.js';
import { Folder } from './support/folder.js';
import { PATIENCE } from '../../support/patience.js';

const OTHER = dumpTag(TAG + 1n);
const AT_MS = Date.UTC(2026, 10, 22, 8, 12);
const LINE = `${tagName(TAG)} 4096 2026-11-22T08:12:00.000Z`;

let bare: Bare;
let folder: Folder;
let memory: TagMemory | undefined;
let logged: string[];

beforeEach(() => {
  bare = new Bare();
  folder = new Folder();
  logged = [];
});

afterEach(async () => {
  await memory?.[Symbol.asyncDispose]();
  memory = undefined;
  await bare[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function remember(path = folder.at('tags')): TagMemory {
  const log = createLogger({ level: 'info', format: 'text', write: (line) => logged.push(line) });
  memory = new TagMemory(bare.store, path, log);
  return memory;
}

function put(tag = TAG): void {
  bare.put(tag, sampleBytes(4096), { announced: false });
}

function lines(): string[] {
  if (!existsSync(folder.at('tags'))) return [];
  return readFileSync(folder.at('tags'), 'utf8').split('\n').slice(1, -1);
}

async function written(...expected: string[]): Promise<void> {
  await vi.waitFor(() => expect(lines()).toEqual(expected), PATIENCE);
}

describe('TagMemory', () => {
  test('writes what was announced: tag, size and time, for root only', async () => {
    put();
    remember();
    bare.store.announce({ tag: TAG, size: 4096, announcedAtMs: AT_MS });
    await written(LINE);
    expect(statSync(folder.at('tags')).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path)).toEqual(['tags']);
  });

  test('does not write what the source lists by itself', async () => {
    bare.put(TAG, sampleBytes(4096));
    put(OTHER);
    remember();
    bare.store.announce({ tag: OTHER, size: 4096, announcedAtMs: AT_MS });
    await written(LINE.replace(tagName(TAG), tagName(OTHER)));
  });

  test('keeps what was found by asking for its name', async () => {
    put();
    remember();
    await bare.lookup(TAG);
    await vi.waitFor(() => expect(lines()[0]).toMatch(new RegExp(`^${tagName(TAG)} - `)), PATIENCE);
  });

  test('drops a dump that firmware has forgotten', async () => {
    remember();
    bare.store.announce({ tag: TAG, size: 4096, announcedAtMs: AT_MS });
    await vi.waitUntil(() => bare.names().length === 0, PATIENCE);
    await written();
  });

  test('keeps a dump that was unlinked while open until firmware has been told', async () => {
    put();
    remember();
    bare.store.announce({ tag: TAG, size: 4096, announcedAtMs: AT_MS });
    const fh = await bare.open(TAG);
    await bare.readAll(fh);
    await bare.unlink(TAG);
    put(OTHER);
    bare.store.announce({ tag: OTHER, size: 4096, announcedAtMs: AT_MS });
    expect(bare.names()).toEqual([tagName(OTHER)]);
    await written(LINE, LINE.replace(tagName(TAG), tagName(OTHER)));
    bare.fs.release(fh);
    await written(LINE.replace(tagName(TAG), tagName(OTHER)));
  });

  test('writes what is outstanding when it ends', async () => {
    put();
    remember();
    bare.store.announce({ tag: TAG, size: 4096, announcedAtMs: AT_MS });
    await memory?.[Symbol.asyncDispose]();
    expect(lines()).toEqual([LINE]);
  });
});

describe('TagMemory after a restart', () => {
  test('lists what is in the file, and shows a size once firmware has confirmed it', async () => {
    put();
    folder.write('tags', `${LINE}\n`);
    remember();
    expect(bare.names()).toEqual([tagName(TAG)]);
    expect(bare.store.list()).toMatchObject([{ size: undefined, announcedAtMs: AT_MS }]);
    await vi.waitUntil(() => bare.store.list()[0]?.size === 4096, PATIENCE);
  });

  test('unlists what was invalidated without being noted', async () => {
    folder.write('tags', `${LINE}\n`);
    remember();
    expect(bare.store.find(TAG)?.size).toBeUndefined();
    await vi.waitUntil(() => bare.names().length === 0, PATIENCE);
    await written();
  });

  test('ignores damaged lines, and says so', () => {
    put();
    folder.write('tags', `\0\0\0\nrubbish\n${LINE}\n0x00000002`);
    remember();
    expect(bare.names()).toEqual([tagName(TAG)]);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatch(/damaged.*badLines=3/);
  });

  test.each([
    ['a directory', (path: string) => mkdirSync(path)],
    ['a symbolic link', (path: string) => symlinkSync('/etc/hostname', path)],
  ])('goes on without %s in its place, and says so', (_, make) => {
    make(folder.at('tags'));
    remember();
    expect(bare.names()).toEqual([]);
    expect(logged.join('')).toMatch(/cannot read the state file/);
  });

  test('replaces what a killed daemon left half-written', async () => {
    put();
    folder.write('tags', `${LINE}\n`);
    folder.write('tags.new', 'half');
    remember();
    put(OTHER);
    bare.store.announce({ tag: OTHER, size: 1, announcedAtMs: AT_MS });
    await vi.waitFor(() => expect(lines()).toHaveLength(2), PATIENCE);
    expect(readdirSync(folder.path)).toEqual(['tags']);
  });
});

describe('TagMemory in trouble', () => {
  test('says once that the file cannot be written, and serves on', async () => {
    put();
    put(OTHER);
    remember(folder.at('none/tags'));
    bare.store.announce({ tag: TAG, size: 4096 });
    await vi.waitUntil(() => logged.some((line) => line.includes('cannot write')), PATIENCE);
    bare.store.announce({ tag: OTHER, size: 4096 });
    await memory?.[Symbol.asyncDispose]();
    expect(logged).toHaveLength(1);
    expect(bare.names()).toHaveLength(2);
  });

  test('writes no tag from lockdown on, and leaves the file as it was', async () => {
    put();
    const tags = remember();
    bare.store.announce({ tag: TAG, size: 4096, announcedAtMs: AT_MS });
    await written(LINE);
    bare.store.announce({ tag: OTHER, size: 4096, announcedAtMs: AT_MS });
    // In this order: the filesystem has subscribed to the gate first.
    bare.gate.raise();
    tags.freeze();
    await memory?.[Symbol.asyncDispose]();
    expect(lines()).toEqual([LINE]);
    expect(readdirSync(folder.path)).toEqual(['tags']);
  });

  test('holds ten thousand dumps', async () => {
    remember();
    for (let at = 0n; at < 10_000n; at += 1n)
      bare.store.announce({ tag: dumpTag(TAG + at), announcedAtMs: AT_MS });
    await memory?.[Symbol.asyncDispose]();
    expect(lines().length).toBeGreaterThan(9_900);
    writeFileSync(folder.at('copy'), readFileSync(folder.at('tags')));
    expect(statSync(folder.at('copy')).size).toBeLessThan(2 ** 20);
  });
});
