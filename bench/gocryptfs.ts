import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mountsAt } from '../src/fuse/index.js';
import { mustRun } from '../test/support/run-tool.js';
import { Unavailable } from './case.js';
import { Server } from './server.js';

const NAME = 'copy';

/** gocryptfs with one file: what people use to keep files encrypted on a disk. */
export class Gocryptfs extends Server {
  readonly #stored = join(this.directory, 'stored');
  readonly #password = join(this.directory, 'password');

  /** @param file whose bytes it serves as `path` */
  static async serving(file: string): Promise<Gocryptfs> {
    const server = new Gocryptfs();
    try {
      await server.#mount();
      await mustRun('cp', [file, server.path], { timeoutMs: 300_000 });
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  get path(): string {
    return join(this.mountpoint, NAME);
  }

  /** Directory with the file as it is stored: names and bytes encrypted. */
  get stored(): string {
    return this.#stored;
  }

  async #mount(): Promise<void> {
    mkdirSync(this.#stored);
    writeFileSync(this.#password, 'bench\n', { mode: 0o600 });
    // The password costs no time that is measured; the cipher is the program's own choice.
    const init = [
      '-init',
      '-q',
      '-scryptn',
      '10',
      '-plaintextnames',
      '-passfile',
      this.#password,
      this.#stored,
    ];
    await mustRun('gocryptfs', init).catch((error: unknown) => {
      throw new Unavailable(`gocryptfs cannot be used: ${String(error)}`);
    });
    const args = ['-fg', '-q', '-passfile', this.#password, this.#stored, this.mountpoint];
    await this.launch('gocryptfs', args, {}, () => mountsAt(this.mountpoint).length > 0);
  }
}
