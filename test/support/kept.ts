import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Lasting } from './lasting.js';
import type { Cell, Exit } from './mounted.js';
import { Daemon, until } from './mounted.js';

const STORE = fileURLToPath(new URL('descriptor-store.py', import.meta.url));

/** A mount whose device a stand-in for systemd keeps while the program is started again. */
export class Kept extends Lasting {
  readonly #storeDirectory = join(this.directory, 'store');
  readonly #store: ChildProcess;

  private constructor(cell: Cell) {
    super(cell);
    this.#store = spawn('python3', [STORE, 'serve', this.#storeDirectory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  static async of(cell: Cell): Promise<Kept> {
    const kept = new Kept(cell);
    await once(kept.#store.stdout ?? kept.#store, 'data');
    return kept;
  }

  protected override daemonOf(args: readonly string[]): Daemon {
    const launch = [STORE, 'launch', this.#storeDirectory, process.execPath];
    return new Daemon([...launch, ...args], this.directory, { env: this.env, command: 'python3' });
  }

  /** As `systemctl restart` does. @param meanwhile while nobody serves */
  async restart(meanwhile: () => unknown = () => undefined, ...args: string[]): Promise<void> {
    await this.stopForRestart();
    await meanwhile();
    await this.start(...(args.length > 0 ? args : this.options));
  }

  async stopForRestart(): Promise<Exit> {
    const jobs = join(this.#storeDirectory, 'jobs');
    writeFileSync(jobs, '7 platdumpfs.service restart running\n');
    const exit = await this.daemon.stop();
    rmSync(jobs);
    return exit;
  }

  /** As systemd does where `Restart=` says so. */
  async killAndStart(meanwhile: () => unknown = () => undefined): Promise<void> {
    await this.daemon.stop('SIGKILL');
    await meanwhile();
    await this.start(...this.options);
  }

  /** Of what the program leaves for the next one. */
  get handoverPath(): string | undefined {
    const name = readdirSync(this.runtimeDirectory).find((file) => file.endsWith('.handover'));
    return name === undefined ? undefined : join(this.runtimeDirectory, name);
  }

  /** What the next process is told. */
  get written(): string {
    return readFileSync(this.handoverPath ?? '', 'utf8');
  }

  /** From then on the dump can be told from another one, also after kill -9. */
  override untilKnown(): Promise<void> {
    return until('its beginning is written down', () => this.written.includes('"beginning":'));
  }

  override untilWhole(): Promise<void> {
    return until('it is written down', () => this.written.includes('"isWhole":true'));
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    try {
      await super[Symbol.asyncDispose]();
    } finally {
      this.#store.kill('SIGKILL');
    }
  }
}
