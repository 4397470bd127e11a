import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../../src/base/log.js';
import type { DumpTag } from '../../../../src/base/tag.js';
import { dumpTag, tagName } from '../../../../src/base/tag.js';
import type { DumpFacts } from '../../../../src/source/sim/index.js';
import { readGenerated } from '../../../../src/source/sim/index.js';
import type { DumpCursor, DumpSource } from '../../../../src/source/index.js';
import type { SimSourceOptions } from '../../../../src/source/sim/sim-source.js';
import { BEGINNING } from '../../../../src/source/index.js';
import { openSimSource } from '../../../../src/source/sim/sim-source.js';
import { createDriver } from '../../../../src/source/sim/sim-driver.js';
import { failureOf, readAll } from '../../../contract/source.js';
import { compiled } from '../../../support/compiled.js';
import { TraceHere } from '../../../support/trace-here.js';
import { PATIENCE, PATIENCE_MS } from '../../../support/patience.js';

const TAG = dumpTag(0x2_0000_0001n);
const OTHER = dumpTag(0x1_0100_0002n);
const NAME = tagName(TAG);

let directory: string;
let opened: DumpSource[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'platdumpfs-source-'));
  opened = [];
});

afterEach(async () => {
  for (const source of opened) await source[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

function open(options: Partial<SimSourceOptions> = {}): DumpSource {
  const source = openSimSource({
    dumps: [],
    latencyUs: 0,
    discipline: 'papr',
    log: silentLogger,
    ...options,
  });
  opened.push(source);
  return source;
}

function cursor(source: DumpSource, tag = TAG): DumpCursor {
  return createDriver(source.driver.data).open(tag, BEGINNING, source.detail(tag));
}

function read(source: DumpSource, tag = TAG): Buffer {
  const one = cursor(source, tag);
  const bytes = readAll(one);
  one.close();
  return bytes;
}

function remove(source: DumpSource, tag = TAG): void {
  const one = cursor(source, tag);
  readAll(one);
  one.invalidate();
  one.close();
}

function change(source: DumpSource): Promise<void> {
  return new Promise((resolve) => {
    const end = source.onChange(() => {
      end();
      resolve();
    });
  });
}

const names = (source: DumpSource): string[] => source.list().map(({ tag }) => tagName(tag));

describe('openSimSource lists', () => {
  test('samples of several types when nothing else is asked for, one without a size', () => {
    const list = open().list();
    expect(list.map(({ tag }) => tag >> 32n)).toEqual([1n, 2n, 3n, 7n]);
    expect(list.filter(({ size }) => size === undefined)).toHaveLength(1);
    expect(list[0]).toMatchObject({ tag: 0x1_0100_0002n, size: 5_182_368, sizeOrigin: 'announced' });
  });

  test('given dumps instead of the samples, and files beside them', () => {
    writeFileSync(join(directory, NAME), 'bytes');
    expect(names(open({ dumps: [{ tag: OTHER, size: 5 }] }))).toEqual([tagName(OTHER)]);
    expect(names(open({ dir: directory }))).toEqual([NAME]);
    expect(names(open({ dir: directory, dumps: [{ tag: OTHER, size: 5 }] }))).toEqual([tagName(OTHER), NAME]);
  });

  test('what the side file says', () => {
    const side: [string, object][] = [
      ['0x1', { announcedSize: 99 }],
      ['0x2', { announcedSize: null }],
      ['0x3', { announced: false }],
      ['0x4', {}],
    ];
    for (const [name, content] of side) {
      writeFileSync(join(directory, name), 'bytes');
      writeFileSync(join(directory, `${name}.json`), JSON.stringify(content));
    }
    const source = open({ dir: directory });
    expect(source.list().map(({ tag, size }) => [tag, size])).toEqual([
      [1n, 99],
      [2n, undefined],
      [4n, 5],
    ]);
    expect(source.list()[0]?.announcedAtMs).toBe(statSync(join(directory, '0x1')).mtimeMs);
    expect(read(source, dumpTag(3n)).toString()).toBe('bytes');
  });

  test('a tag given twice is an error that names it', () => {
    const twice = [
      { tag: TAG, size: 1 },
      { tag: TAG, size: 2 },
    ];
    expect(() => open({ dumps: twice })).toThrow(`${NAME} is given twice`);
  });
});

describe('SimSource removes', () => {
  test('a generated dump for good', async () => {
    const source = open();
    const [before] = source.list();
    const changed = change(source);
    remove(source, before?.tag);
    await changed;
    expect(source.list().map(({ tag }) => tag)).not.toContain(before?.tag);
  });

  test('a file by renaming it, and what comes back under its name is another dump', async () => {
    writeFileSync(join(directory, NAME), 'bytes');
    const source = open({ dir: directory });
    const before = source.list()[0]?.incarnation;
    const changed = change(source);
    remove(source);
    expect(readdirSync(directory)).toEqual([`${NAME}.invalidated`]);
    expect(source.list()).toEqual([]);
    await changed;
    renameSync(join(directory, `${NAME}.invalidated`), join(directory, NAME));
    while (source.list().length === 0) await change(source);
    expect(source.list()[0]?.incarnation).not.toBe(before);
    expect(read(source).toString()).toBe('bytes');
  });

  test('nothing when another file has taken the place of the one that was read', () => {
    writeFileSync(join(directory, NAME), 'bytes');
    const source = open({ dir: directory });
    const one = cursor(source);
    readAll(one);
    writeFileSync(join(directory, 'new'), 'other bytes');
    renameSync(join(directory, 'new'), join(directory, NAME));
    one.invalidate();
    one.close();
    expect(readFileSync(join(directory, NAME), 'utf8')).toBe('other bytes');
    expect(read(source).toString()).toBe('other bytes');
  });
});

describe('SimSource follows its directory', () => {
  test('a file that is gone at the start of a pass reads as empty and leaves the list', () => {
    writeFileSync(join(directory, NAME), 'bytes');
    const source = open({ dir: directory });
    const detail = source.detail(TAG);
    rmSync(join(directory, NAME));
    const one = createDriver(source.driver.data).open(TAG, BEGINNING, detail);
    expect(readAll(one)).toHaveLength(0);
    expect(source.list()).toEqual([]);
  });

  test('a file that vanishes fails the pass under way', async () => {
    writeFileSync(join(directory, NAME), Buffer.alloc(50_000));
    const source = open({ dir: directory });
    const one = cursor(source);
    one.read(new Uint8Array(4096));
    const changed = change(source);
    rmSync(join(directory, NAME));
    await changed;
    expect(source.list()).toEqual([]);
    expect(() => one.read(new Uint8Array(4096))).toThrow('EIO');
    one.close();
    expect(read(source)).toHaveLength(0);
  });

  test('a file that is cut short while it is read fails that read, and only that', () => {
    writeFileSync(join(directory, NAME), Buffer.alloc(50_000));
    const source = open({ dir: directory });
    const one = cursor(source);
    one.read(new Uint8Array(4096));
    writeFileSync(join(directory, NAME), 'short');
    expect(() => one.read(new Uint8Array(4096))).toThrow('EIO');
    one.close();
    expect(read(source).toString()).toBe('short');
  });

  test('a file that appeared a moment ago is found by name', () => {
    const source = open({ dir: directory });
    writeFileSync(join(directory, NAME), 'bytes');
    expect(read(source).toString()).toBe('bytes');
    expect(names(source)).toEqual([NAME]);
  });

  test('a file that cannot be read is a hardware error', () => {
    writeFileSync(join(directory, NAME), 'bytes');
    const source = open({ dir: directory });
    const detail = source.detail(TAG) as DumpFacts;
    // Root may read every file. A directory can be opened and not be read either.
    const { ino, size, mtimeMs } = statSync(directory);
    const content = { kind: 'file', path: directory, ino, size, mtimeMs } as const;
    const one = createDriver(source.driver.data).open(TAG, BEGINNING, { ...detail, content });
    expect(() => readAll(one)).toThrow('EIO');
    one.close();
  });

  test('list() costs next to nothing for 10,000 dumps', () => {
    const dumps = Array.from({ length: 10_000 }, (_, id) => ({ tag: dumpTag(BigInt(id)), size: 2 ** 40 }));
    const source = open({ dumps });
    const list = source.list();
    expect(list).toHaveLength(10_000);
    for (let i = 0; i < 100; i += 1) expect(source.list()).toBe(list);
    remove(open({ dumps: [{ tag: TAG, size: 5 }] }));
    expect(source.list()).toBe(list);
  });
});

describe('the papr discipline', () => {
  test('lets one open a tag at a time', () => {
    const source = open({ dumps: [{ tag: TAG, size: 5 }] });
    const one = cursor(source);
    expect(failureOf(() => cursor(source))?.kind).toBe('held');
    one.close();
    expect(read(source)).toHaveLength(5);
  });

  test('demands another pass after a failed removal', () => {
    writeFileSync(join(directory, NAME), 'bytes');
    writeFileSync(join(directory, `${NAME}.json`), '{"faults":[{"at":"invalidate","status":-1}]}');
    const source = open({ dir: directory });
    const one = cursor(source);
    readAll(one);
    expect(() => one.invalidate()).toThrow('EIO');
    expect(() => one.invalidate()).toThrow('EINPROGRESS');
    one.close();
    expect(names(source)).toEqual([NAME]);
    remove(source);
    expect(names(source)).toEqual([]);
  });
});

/** Reads dumps in threads of their own, as hands do. */
async function inThreads(
  source: DumpSource,
  tags: readonly DumpTag[],
  options: object = {},
): Promise<string[][]> {
  const missing = new SharedArrayBuffer(4);
  new Int32Array(missing)[0] = tags.length;
  const threads = tags.map(
    (tag) =>
      new Worker(new URL('../read-thread.mjs', import.meta.url), {
        workerData: { ...source.driver, tag, detail: source.detail(tag), passes: 1, missing, ...options },
      }),
  );
  return Promise.all(threads.map(async (one) => ((await once(one, 'message')) as [string[]])[0]));
}

function digest(tag: DumpTag, size: number): string {
  const bytes = Buffer.alloc(size);
  readGenerated(tag, size, 0, bytes);
  return createHash('sha256').update(bytes).digest('hex');
}

interface TraceLine {
  readonly time: string;
  readonly tag: string;
  readonly offset: number;
  readonly status: number;
  readonly durationUs: number;
}

function traceLines(path: string): TraceLine[] {
  return readFileSync(path, { encoding: 'utf8', flag: 'a+' })
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TraceLine);
}

/** Begin and end of a call in microseconds within its day. */
function span({ time, durationUs }: TraceLine): { begin: number; end: number } {
  const micros = Number(time.slice(20, 26));
  const begin = Date.parse(`${time.slice(0, 19)}Z`) * 1000 + micros;
  return { begin, end: begin + durationUs };
}

describe('threads', () => {
  test.each(['papr', 'librtas'] as const)(
    'share one firmware (%s): calls of two dumps alternate, never overlap',
    async (discipline) => {
      const dumps = [
        { tag: TAG, size: 600_000 },
        { tag: OTHER, size: 500_001 },
      ];
      const tracePath = join(directory, 'trace');
      using trace = new TraceHere(tracePath);
      const source = open({ dumps, discipline, latencyUs: 200, traceChannel: trace.channel });
      const digests = await inThreads(source, [TAG, OTHER], { passes: 2 });
      expect(digests).toEqual(dumps.map(({ tag, size }) => [digest(tag, size), digest(tag, size)]));
      const spans = traceLines(tracePath)
        .map((line) => ({ ...span(line), tag: line.tag }))
        .sort((a, b) => a.begin - b.begin);
      expect(spans).toHaveLength(2 * (147 + 123));
      // Two clocks, each rounded to a microsecond, are compared.
      const overlaps = spans.slice(1).filter((one, i) => one.begin < (spans[i]?.end ?? 0) - 5);
      expect(overlaps).toEqual([]);
      const turns = spans.slice(1).filter((one, i) => one.tag !== spans[i]?.tag).length;
      expect(turns).toBeGreaterThan(20);
    },
  );

  test('wait out delays side by side', async () => {
    const faults = [{ at: 0, status: 9902, times: 5 }];
    for (const name of ['0x1', '0x2']) {
      writeFileSync(join(directory, name), 'bytes');
      writeFileSync(join(directory, `${name}.json`), JSON.stringify({ faults }));
    }
    const tracePath = join(directory, 'trace');
    using trace = new TraceHere(tracePath);
    const source = open({ dir: directory, traceChannel: trace.channel });
    await inThreads(source, [dumpTag(1n), dumpTag(2n)]);
    const lines = traceLines(tracePath);
    expect(lines.filter(({ status }) => status === 9902)).toHaveLength(10);
    const [one, two] = ['1', '2'].map((id) => lines.filter(({ tag }) => tag.endsWith(id)).map(span));
    expect(one![0]!.begin).toBeLessThan(two!.at(-1)!.begin);
    expect(two![0]!.begin).toBeLessThan(one!.at(-1)!.begin);
  });

  test('a slow dump does not hold up another one', async () => {
    writeFileSync(join(directory, '0x1'), Buffer.alloc(12_288));
    writeFileSync(join(directory, '0x1.json'), '{"latencyUs":300000}');
    writeFileSync(join(directory, '0x2'), Buffer.alloc(1_000_000));
    const source = open({ dir: directory });
    const finished: string[] = [];
    await Promise.all(
      [1n, 2n].map(async (id) => {
        await inThreads(source, [dumpTag(id)]);
        finished.push(String(id));
      }),
    );
    expect(finished).toEqual(['2', '1']);
  });

  test('that wait out a long delay can be ended at once', async () => {
    writeFileSync(join(directory, NAME), 'bytes');
    writeFileSync(join(directory, `${NAME}.json`), '{"faults":[{"at":0,"status":9905,"times":"always"}]}');
    const tracePath = join(directory, 'trace');
    using trace = new TraceHere(tracePath);
    const source = open({ dir: directory, discipline: 'librtas', traceChannel: trace.channel });
    const missing = new SharedArrayBuffer(4);
    const thread = new Worker(new URL('../read-thread.mjs', import.meta.url), {
      workerData: { ...source.driver, tag: TAG, detail: source.detail(TAG), passes: 1, missing },
    });
    await expect.poll(() => traceLines(tracePath).length).toBe(1);
    expect(await thread.terminate()).toBe(1);
  });

  test('a removal in a thread is told on the main thread', async () => {
    const source = open({ dumps: [{ tag: TAG, size: 5000 }] });
    const changed = change(source);
    await inThreads(source, [TAG], { remove: true });
    expect(source.list()).toEqual([]);
    await changed;
  });
});

test('an open source does not keep its process alive', () => {
  const module = compiled('source/sim/sim-source.js');
  const program = `
    const { openSimSource } = await import(${JSON.stringify(module)});
    const source = openSimSource({ dir: ${JSON.stringify(directory)}, dumps: [], latencyUs: 0, discipline: 'papr' });
    source.onChange(() => undefined);
    console.log(source.list().length);`;
  const options = { encoding: 'utf8', timeout: PATIENCE_MS } as const;
  expect(execFileSync(process.execPath, ['--input-type=module', '-e', program], options)).toBe('0\n');
});

test('the trace has a line for each firmware call, busy and removal included', async () => {
  writeFileSync(join(directory, NAME), Buffer.alloc(5000));
  writeFileSync(join(directory, `${NAME}.json`), '{"faults":[{"at":4096,"status":-2,"times":2}]}');
  const tracePath = join(directory, 'trace');
  using trace = new TraceHere(tracePath);
  remove(open({ dir: directory, traceChannel: trace.channel }));
  await expect.poll(() => traceLines(tracePath).at(-1), PATIENCE).toMatchObject({ op: 'invalidate' });
  expect(traceLines(tracePath)).toMatchObject([
    { op: 'read', tag: NAME, sequence: '0x0', offset: 0, length: 4096, status: 1, bytes: 4096 },
    { op: 'read', tag: NAME, offset: 4096, status: -2, bytes: 0 },
    { op: 'read', tag: NAME, offset: 4096, status: -2, bytes: 0 },
    { op: 'read', tag: NAME, offset: 4096, length: 4096, status: 0, bytes: 904 },
    { op: 'invalidate', tag: NAME, length: 0, status: 0, bytes: 0 },
  ]);
});
