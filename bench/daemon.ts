import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tagName } from '../src/base/tag.js';
import { Server } from './server.js';
import { tagOf } from './sim-dumps.js';
import { MIB } from './units.js';

const PROGRAM = fileURLToPath(new URL('../../../bin/platdumpfs', import.meta.url));

export interface DaemonOptions {
  /** Sizes in bytes of generated dumps: `path(0)`, `path(1)`, ... */
  readonly dumps?: readonly number[];
  /** Makes them as files in a directory instead, `dumpsPath`. */
  readonly makeDumps?: (directory: string) => void;
  readonly latencyUs?: number;
  readonly cacheMib?: number;
  readonly spool?: boolean;
  readonly discipline?: 'papr' | 'librtas';
  /** Write down firmware calls. */
  readonly trace?: boolean;
  /** File to which the process writes its number before it starts: that of a control group. */
  readonly group?: string | undefined;
  /** Makes a file that says the lockdown level. */
  readonly lockdown?: boolean;
}

/** The program under test, mounted on its simulated hypervisor as a user would. */
export class Daemon extends Server {
  readonly tracePath = join(this.directory, 'trace');
  readonly dumpsPath = join(this.directory, 'dumps');
  readonly levelPath = join(this.directory, 'lockdown');

  static async start(options: DaemonOptions): Promise<Daemon> {
    const daemon = new Daemon();
    try {
      const { directory } = daemon;
      const env = { RUNTIME_DIRECTORY: join(directory, 'run'), CACHE_DIRECTORY: join(directory, 'cache') };
      const command = [process.execPath, PROGRAM, ...daemon.#arguments(options)];
      const script = options.group === undefined ? 'exec "$@"' : `echo $$ > ${options.group} && exec "$@"`;
      await daemon.launch('/bin/sh', ['-c', script, 'sh', ...command], env, () =>
        daemon.stderr.includes('"message":"mounted"'),
      );
      return daemon;
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
  }

  path(dump: number): string {
    return join(this.mountpoint, nameOf(dump));
  }

  /** Firmware calls so far, of a daemon that writes them down. */
  get calls(): number {
    return readFileSync(this.tracePath, 'utf8').split('\n').length - 1;
  }

  #arguments(options: DaemonOptions): string[] {
    const { dumps = [], makeDumps, lockdown = false } = options;
    const { latencyUs = 0, cacheMib = 64, spool = true, discipline = 'papr', trace = false } = options;
    makeDumps?.(this.dumpsPath);
    if (lockdown) writeFileSync(this.levelPath, '[none] integrity confidentiality\n');
    return [
      'mount',
      'sim',
      this.mountpoint,
      '--log-format=json',
      `--sim-latency-us=${latencyUs}`,
      `--sim-discipline=${discipline}`,
      `--cache-size=${cacheMib * MIB}`,
      `--spool=${spool ? 'auto' : 'none'}`,
      ...(trace ? [`--trace-rtas=${this.tracePath}`] : []),
      ...(lockdown ? [`--lockdown-file=${this.levelPath}`] : []),
      ...(makeDumps === undefined ? [] : [`--sim-dir=${this.dumpsPath}`]),
      ...dumps.map((size, dump) => `--sim-dump=${nameOf(dump)}:${size}`),
    ];
  }
}

function nameOf(dump: number): string {
  return tagName(tagOf(dump));
}
