import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from '../../test/support/run-tool.js';
import type { BenchCase, Measured, Scale } from '../case.js';
import { Unavailable } from '../case.js';
import { Daemon } from '../daemon.js';
import { isGone, keepTrack } from '../leftovers.js';
import { inTurn } from '../statistics.js';
import { runMs } from '../tools.js';

const DUMPS = 10_000;

/** @param directory of the files to list */
type Command = (directory: string) => readonly [program: string, ...args: string[]];

const TOOLS: readonly { name: string; atMost: number; command: Command }[] = [
  { name: 'ls', atMost: 1.5, command: (directory) => ['ls', directory] },
  { name: 'ls -l', atMost: 3, command: (directory) => ['ls', '-l', directory] },
  { name: 'find', atMost: 1.5, command: (directory) => ['find', directory] },
  {
    name: 'rsync --list-only',
    atMost: 4,
    command: (directory) => ['rsync', '--list-only', '-r', `${directory}/`],
  },
];

export const listing: readonly BenchCase[] = TOOLS.map(({ name, atMost, command }) => ({
  name: `${name} of ${DUMPS.toLocaleString('en')} dumps`,
  baseline: 'tmpfs with the same names and sizes',
  goal: { atMost },
  unit: 'ms',
  run: (scale: Scale) => run(command, scale),
}));

async function run(command: Command, { pairs }: Scale): Promise<Measured> {
  const { daemon, twin } = await bothDirectories();
  const time = (directory: string): Promise<number> => {
    const [program, ...args] = command(directory);
    return runMs(program, args);
  };
  return await inTurn(
    pairs,
    () => time(daemon.mountpoint),
    () => time(twin.path),
  );
}

interface Directories {
  readonly daemon: Daemon;
  readonly twin: Twin;
}

let prepared: Promise<Directories> | undefined;

/** Made once for all tools. They go away with the last case (leftovers.ts). */
function bothDirectories(): Promise<Directories> {
  prepared ??= prepare();
  return prepared;
}

async function prepare(): Promise<Directories> {
  const dumps = Array.from({ length: DUMPS }, (_, dump) => 1_000_000 + dump * 4096);
  const daemon = await Daemon.start({ dumps });
  const names = readdirSync(daemon.mountpoint);
  return { daemon, twin: await Twin.make(names.map((name, dump) => ({ name, size: dumps[dump] ?? 0 }))) };
}

/** A tmpfs with sparse files. */
class Twin implements AsyncDisposable {
  readonly path = mkdtempSync('/var/tmp/platdumpfs-bench-');

  static async make(files: readonly { readonly name: string; readonly size: number }[]): Promise<Twin> {
    const twin = new Twin();
    await mustRun('mount', ['-t', 'tmpfs', 'none', twin.path]).catch((error: unknown) => {
      throw new Unavailable(`no tmpfs can be mounted: ${String(error)}`);
    });
    keepTrack(twin);
    for (const { name, size } of files) {
      const fd = openSync(join(twin.path, name), 'w');
      ftruncateSync(fd, size);
      closeSync(fd);
    }
    return twin;
  }

  [Symbol.asyncDispose](): Promise<void> {
    spawnSync('umount', ['-l', this.path]);
    rmSync(this.path, { recursive: true });
    isGone(this);
    return Promise.resolve();
  }
}
