import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mountsAt } from '../src/fuse/index.js';
import { Unavailable } from './case.js';
import { Server } from './server.js';

const SOURCE = fileURLToPath(new URL('../../c-server/server.c', import.meta.url));

let program: string | undefined;

/** The C server of `c-server/server.c` with the bytes of one file in memory. */
export class CServer extends Server {
  static async start(file: string): Promise<CServer> {
    program ??= compile();
    const server = new CServer();
    try {
      await server.launch(
        program,
        [file, server.mountpoint],
        {},
        () => mountsAt(server.mountpoint).length > 0,
      );
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  get path(): string {
    return join(this.mountpoint, 'dump');
  }
}

function compile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'platdumpfs-bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const output = join(directory, 'c-server');
  const flags = spawnSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { encoding: 'utf8' });
  if (flags.status !== 0) throw new Unavailable('libfuse3-dev and pkg-config are not installed');
  const args = ['-O2', '-o', output, SOURCE, ...flags.stdout.trim().split(/\s+/)];
  const { status, stderr, error } = spawnSync('gcc', args, { encoding: 'utf8' });
  if (status !== 0) throw new Unavailable(`the C server cannot be compiled: ${error?.message ?? stderr}`);
  return output;
}
