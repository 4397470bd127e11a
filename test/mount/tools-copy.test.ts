import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Size } from '../support/all-sizes.js';
import { dropPages, MIB, mountAllSizes, SIZES } from '../support/all-sizes.js';
import type { ExpectedDump } from '../support/expected-dump.js';
import { sha256 } from '../support/expected-dump.js';
import { CELLS, Mounted, TRANSPORTS } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';

type Command = readonly [program: string, ...args: string[]];

interface Copier {
  readonly tool: string;
  /** What puts a copy of `from` into the directory `to`, under its own name. */
  readonly commands: (from: string, to: string) => readonly Command[];
}

const COPIERS: readonly Copier[] = [
  { tool: 'cp', commands: (from, to) => [['cp', from, to]] },
  { tool: 'cp -a', commands: (from, to) => [['cp', '-a', from, to]] },
  { tool: 'cp --sparse=always', commands: (from, to) => [['cp', '--sparse=always', from, to]] },
  { tool: 'rsync -a', commands: (from, to) => [['rsync', '-a', from, to]] },
  { tool: 'rsync -aX', commands: (from, to) => [['rsync', '-aX', from, to]] },
  {
    tool: 'tar',
    commands: (from, to) => [
      ['tar', '-cf', join(to, 'archive'), '-C', dirname(from), basename(from)],
      ['tar', '-xf', join(to, 'archive'), '-C', to],
    ],
  },
];

const XATTRS = ['delivered', 'name', 'sha256', 'size_origin', 'source', 'state', 'tag', 'type'];

async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

describe.each(TRANSPORTS)('copying tools, $transport', (cell) => {
  let mounted: Mounted;
  let dumps: ReadonlyMap<Size, ExpectedDump>;

  beforeAll(async () => {
    mounted = new Mounted(cell);
    dumps = await mountAllSizes(mounted);
  });

  beforeEach(async () => {
    await mkdir(mounted.out, { recursive: true });
  });

  // No two large copies are kept.
  afterEach(() => rm(mounted.out, { recursive: true }));

  afterAll(() => mounted[Symbol.asyncDispose]());

  async function copy({ name }: ExpectedDump, { commands }: Copier): Promise<string> {
    await dropPages(mounted.at(name));
    for (const [program, ...args] of commands(mounted.at(name), mounted.out)) {
      const { status, stderr } = await runTool(program, args);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    }
    return join(mounted.out, name);
  }

  describe.each(SIZES)('%i bytes', (size) => {
    test.each(COPIERS)('$tool makes a copy that is the dump, and cmp agrees', async (copier) => {
      const dump = dumps.get(size)!;
      const made = await copy(dump, copier);
      expect(await fileHash(made)).toBe(sha256(dump));
      await dropPages(mounted.at(dump.name));
      const compared = await runTool('cmp', [mounted.at(dump.name), made]);
      expect(compared).toMatchObject({ status: 0, stdout: '', stderr: '' });
    });
  });

  test('rsync -aX brings every extended attribute to the copy', async () => {
    const dump = dumps.get(MIB + 13)!;
    const made = await copy(
      dump,
      COPIERS.find(({ tool }) => tool === 'rsync -aX')!,
    );
    const { stdout } = await mustRun('getfattr', ['-d', '--absolute-names', made]);
    const names = [...stdout.matchAll(/^user\.platdump\.(\w+)=/gm)].map(([, name]) => name);
    expect(names.sort()).toEqual(XATTRS);
    expect(stdout).toContain(`user.platdump.tag="${dump.name}"`);
    expect(stdout).toContain('user.platdump.type="platform"');
  });
});

describe.each(CELLS)('mv, $transport, $discipline', (cell) => {
  let mounted: Mounted;
  let dumps: ReadonlyMap<Size, ExpectedDump>;

  beforeAll(async () => {
    mounted = new Mounted(cell);
    dumps = await mountAllSizes(mounted, `--trace-rtas=${mounted.tracePath}`);
  });

  afterAll(() => mounted[Symbol.asyncDispose]());

  test.each(SIZES)('brings %i bytes away, then firmware forgets them, once', async (size) => {
    const dump = dumps.get(size)!;
    const { status, stderr } = await runTool('mv', [mounted.at(dump.name), mounted.out]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(await fileHash(join(mounted.out, dump.name))).toBe(sha256(dump));
    expect((await mustRun('ls', [mounted.mountpoint])).stdout).not.toContain(dump.name);
    const invalidations = await mounted.invalidations();
    expect(invalidations.filter((name) => name === dump.name)).toHaveLength(1);
    await rm(join(mounted.out, dump.name));
  });

  test('what firmware forgot is kept aside whole in the directory of simulated dumps', async () => {
    const fromFiles = [...dumps.values()].filter(({ size }) => size <= MIB + 13);
    const left = (await readdir(mounted.simDir)).filter((name) => !name.endsWith('.json'));
    expect(left.sort()).toEqual(fromFiles.map(({ name }) => `${name}.invalidated`).sort());
    for (const dump of fromFiles)
      expect(await fileHash(join(mounted.simDir, `${dump.name}.invalidated`))).toBe(sha256(dump));
  });
});
