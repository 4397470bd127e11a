import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(new URL('hanging-file.py', import.meta.url));

/** A file on a file system that hangs on demand: opening and writing is taken from the kernel then, and not answered. */
export class HangingFile implements AsyncDisposable {
  readonly path: string;
  readonly #server: ChildProcess;
  readonly #ended: Promise<unknown>;
  #output = '';

  private constructor(directory: string) {
    this.path = join(directory, 'file');
    this.#server = spawn('python3', [SERVER, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#ended = once(this.#server, 'close');
    this.#server.stdout?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  static async at(directory: string): Promise<HangingFile> {
    mkdirSync(directory);
    const file = new HangingFile(directory);
    await once(file.#server.stdout ?? file.#server, 'data');
    return file;
  }

  hang(): void {
    this.#server.kill('SIGUSR1');
  }

  goOn(): void {
    this.#server.kill('SIGUSR2');
  }

  /** What was written, answered or not. */
  get content(): string {
    return this.#output.replace(/^mounted\n/, '');
  }

  /** Unmounts. @returns what was written, after everybody has closed it */
  async end(): Promise<string> {
    this.goOn();
    this.#server.kill('SIGTERM');
    await this.#ended;
    return this.content;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}
