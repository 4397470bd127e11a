import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MIB } from './units.js';
import { Server } from './server.js';

const PROGRAM = fileURLToPath(new URL('../../../bin/platdumpfs', import.meta.url));

export interface DaemonOptions {
  /** Sizes in bytes of generated dumps: `path(0)`, `path(1)`, ... */
  readonly dumps: readonly number[];
  readonly latencyUs?: number;
  readonly cacheMib?: number;
  readonly spool?: boolean;
  readonly discipline?: 'papr' | 'librtas';
  /** Write down firmware calls. */
  readonly trace?: boolean;
  /** File to which the process writes its number before it starts: that of a control group. */
  readonly group?: string | undefined;
}

/** The program under test, mounted on its simulated hypervisor as a user would. */
export class Daemon extends Server {
  readonly tracePath = join(this.directory, 'trace');

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

  #arguments(options: DaemonOptions): string[] {
    const { dumps, latencyUs = 0, cacheMib = 64, spool = true, discipline = 'papr', trace = false } = options;
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
      ...dumps.map((size, dump) => `--sim-dump=${nameOf(dump)}:${size}`),
    ];
  }
}

function nameOf(dump: number): string {
  return `0x${(0x2_0000_0001n + BigInt(dump)).toString(16).padStart(16, '0')}`;
}
