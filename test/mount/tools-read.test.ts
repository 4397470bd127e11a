import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Size } from '../support/all-sizes.js';
import { dropPages, MIB, mountAllSizes, SIZES } from '../support/all-sizes.js';
import type { ExpectedDump } from '../support/expected-dump.js';
import { sha256 } from '../support/expected-dump.js';
import { Mounted, TRANSPORTS } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';

interface Reader {
  readonly tool: string;
  readonly command: (path: string, size: number) => readonly [string, ...string[]];
  /** The bytes [start, end) that have to come out; all of them by default. */
  readonly range?: (size: number) => readonly [start: number, end: number];
  readonly atMost?: number;
}

const MAP = `
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
with mmap.mmap(fd, 0, flags=getattr(mmap, sys.argv[2]), prot=mmap.PROT_READ) as mapping:
    with memoryview(mapping) as bytes:
        sys.stdout.buffer.write(bytes)
`;

/** Some bytes, so that what is left out is neither a block nor a page. */
const some = (size: number): number => Math.ceil(size / 3);

const READERS: readonly Reader[] = [
  { tool: 'cat', command: (path) => ['cat', path] },
  { tool: 'dd bs=1', command: (path) => ['dd', `if=${path}`, 'bs=1', 'status=none'], atMost: 4097 },
  { tool: 'dd bs=511', command: (path) => ['dd', `if=${path}`, 'bs=511', 'status=none'] },
  { tool: 'dd bs=1M', command: (path) => ['dd', `if=${path}`, 'bs=1M', 'status=none'] },
  {
    tool: 'dd iflag=direct',
    command: (path) => ['dd', `if=${path}`, 'bs=1M', 'iflag=direct', 'status=none'],
  },
  {
    tool: 'dd skip=',
    command: (path, size) => ['dd', `if=${path}`, `bs=${some(size)}`, 'skip=2', 'status=none'],
    range: (size) => [Math.min(2 * some(size), size), size],
  },
  {
    tool: 'tail -c',
    command: (path, size) => ['tail', '-c', String(some(size)), path],
    range: (size) => [size - some(size), size],
  },
  {
    tool: 'tail -c +K',
    command: (path, size) => ['tail', '-c', `+${some(size)}`, path],
    range: (size) => [some(size) - 1, size],
  },
  {
    tool: 'head -c',
    command: (path, size) => ['head', '-c', String(some(size)), path],
    range: (size) => [0, some(size)],
  },
  { tool: 'mmap shared', command: (path) => ['python3', '-c', MAP, path, 'MAP_SHARED'] },
  { tool: 'mmap private', command: (path) => ['python3', '-c', MAP, path, 'MAP_PRIVATE'] },
];

describe.each(TRANSPORTS)('reading tools, $transport', (cell) => {
  let mounted: Mounted;
  let dumps: ReadonlyMap<Size, ExpectedDump>;

  beforeAll(async () => {
    mounted = new Mounted(cell);
    dumps = await mountAllSizes(mounted);
  });

  afterAll(() => mounted[Symbol.asyncDispose]());

  describe.each(SIZES)('%i bytes', (size) => {
    const fitting = READERS.filter(({ atMost = Infinity }) => size <= atMost);

    test.each(fitting)('$tool delivers the dump byte by byte', async ({ command, range }) => {
      const dump = dumps.get(size)!;
      const path = mounted.at(dump.name);
      await dropPages(path);
      const [program, ...args] = command(path, size);
      const [start, end] = range?.(size) ?? [0, size];
      const { status, stderr, bytes, sha256: hash } = await runTool(program, args);
      expect({ status, stderr, bytes, hash }).toEqual({
        ...{ status: 0, stderr: '', bytes: end - start },
        hash: sha256(dump, start, end),
      });
    });

    test('sha256sum finds what the dump has to have', async () => {
      const dump = dumps.get(size)!;
      await dropPages(mounted.at(dump.name));
      const { stdout } = await mustRun('sha256sum', [mounted.at(dump.name)]);
      expect(stdout).toBe(`${sha256(dump)}  ${mounted.at(dump.name)}\n`);
    });
  });
});

describe.each(TRANSPORTS)('fio, $transport', (cell) => {
  const name = '0x0000000200000001';
  const job = ['--name=dump', `--size=${16 * MIB}`, '--verify=crc32c', '--verify_state_save=0', '--thread'];
  let mounted: Mounted;

  beforeAll(async () => {
    mounted = new Mounted(cell);
    const content = ['--rw=write', '--bs=4k', '--do_verify=0', `--filename=${join(mounted.simDir, name)}`];
    await mustRun('fio', [...job, ...content]);
    await mounted.start(`--sim-dir=${mounted.simDir}`);
  });

  afterAll(() => mounted[Symbol.asyncDispose]());

  // In this order: the first meets a dump that nobody has read, backwards and forwards.
  test.each([
    { rw: 'randread', direct: 0 },
    { rw: 'randread', direct: 1 },
    { rw: 'read', direct: 0 },
  ])('verifies each block with rw=$rw direct=$direct', async ({ rw, direct }) => {
    const how = ['--readonly', `--rw=${rw}`, '--bs=4k', `--direct=${direct}`, '--verify_fatal=1'];
    const { status, stderr } = await runTool('fio', [...job, ...how, `--filename=${mounted.at(name)}`]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
