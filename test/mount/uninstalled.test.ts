import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { KERNEL_CELLS, Mounted, PROGRAM, until } from '../support/mounted.js';
import { mustRun } from '../support/run-tool.js';

const OPEN = '[none] integrity confidentiality\n';
const LOCKED = 'none integrity [confidentiality]\n';
const SIZE = 600_001;
const TAGS = [1n, 2n, 3n, 4n, 5n, 6n];

/** The program in a place of its own, as a package puts it somewhere. */
class Installed extends Mounted {
  readonly root = join(this.directory, 'installed');
  readonly levelPath = join(this.directory, 'level');

  constructor(cell: (typeof KERNEL_CELLS)[number]) {
    super(cell);
    const from = dirname(dirname(PROGRAM));
    for (const part of [
      'bin',
      'dist',
      'package.json',
      'node_modules/koffi',
      'node_modules/@koromix',
      'node_modules/lru-cache',
    ])
      cpSync(join(from, part), join(this.root, part), { recursive: true });
    writeFileSync(this.levelPath, OPEN);
  }

  override command(...args: string[]): readonly string[] {
    const [, ...rest] = super.command(...args);
    return [join(this.root, 'bin/platdumpfs'), ...rest];
  }
}

// What an upgrade and a removal do to a daemon that runs.
test.each(KERNEL_CELLS)(
  'the program is removed under a daemon, $discipline: nobody notices',
  async (cell) => {
    await using scene = new Installed(cell);
    const dumps = TAGS.map((tag) => fileDump(scene.simDir, tag, SIZE, { latencyUs: 2000 }));
    await scene.start(
      `--sim-dir=${scene.simDir}`,
      `--lockdown-file=${scene.levelPath}`,
      `--trace-rtas=${scene.tracePath}`,
      `--spool=${join(scene.directory, 'spool')}`,
    );
    rmSync(scene.root, { recursive: true });
    expect(existsSync(scene.root)).toBe(false);

    // More at a time than there were threads before.
    const copies = await Promise.all(dumps.map(({ name }) => mustRun('cat', [scene.at(name)])));
    expect(copies.map((copy) => copy.sha256)).toEqual(dumps.map((dump) => sha256(dump)));
    const [first, second] = dumps.map(({ name }) => name);
    const words = await mustRun('getfattr', ['-d', '--absolute-names', scene.at(second!)]);
    expect(words.stdout).toContain('user.platdump.state="complete"');
    await mustRun('rm', ['-f', scene.at(first!)]);
    expect(await scene.invalidations()).toEqual([first]);
    expect(readdirSync(scene.simDir).filter((name) => name.endsWith('.invalidated'))).toHaveLength(1);

    writeFileSync(scene.levelPath, LOCKED);
    await until(
      'the directory is empty',
      async () => (await mustRun('ls', ['-A', scene.mountpoint])).stdout === '',
    );
    await mustRun('umount', [scene.mountpoint]);
    expect(await scene.daemon.exit()).toBe(0);
  },
);
