import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cell, Exit } from './mounted.js';
import { Daemon, Mounted } from './mounted.js';

const STORE = fileURLToPath(new URL('descriptor-store.py', import.meta.url));

/** A mount whose device a stand-in for systemd keeps while the program is started again. */
export class Kept extends Mounted {
  readonly levelPath = join(this.directory, 'level');
  readonly runtimeDirectory = join(this.directory, 'run');
  readonly #storeDirectory = join(this.directory, 'store');
  readonly #store: ChildProcess;
  #options: readonly string[] = [];

  private constructor(cell: Cell) {
    super(cell);
    writeFileSync(this.levelPath, '[none] integrity confidentiality\n');
    this.#store = spawn('python3', [STORE, 'serve', this.#storeDirectory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  static async of(cell: Cell): Promise<Kept> {
    const kept = new Kept(cell);
    await once(kept.#store.stdout ?? kept.#store, 'data');
    return kept;
  }

  override start(...args: string[]): Promise<void> {
    this.#options = args;
    const files = [`--sim-dir=${this.simDir}`, `--lockdown-file=${this.levelPath}`];
    return super.start(...files, `--trace-rtas=${this.tracePath}`, ...args);
  }

  protected override daemonOf(args: readonly string[]): Daemon {
    const launch = [STORE, 'launch', this.#storeDirectory, process.execPath];
    return new Daemon([...launch, ...args], this.directory, { env: this.env, command: 'python3' });
  }

  lock(): void {
    writeFileSync(this.levelPath, 'none integrity [confidentiality]\n');
  }

  /** As `systemctl restart` does. @param meanwhile while nobody serves */
  async restart(meanwhile: () => unknown = () => undefined, ...args: string[]): Promise<void> {
    await this.stopForRestart();
    await meanwhile();
    await this.start(...(args.length > 0 ? args : this.#options));
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
    await this.start(...this.#options);
  }

  /** Of what the program leaves for the next one. */
  get handoverPath(): string | undefined {
    const name = readdirSync(this.runtimeDirectory).find((file) => file.endsWith('.handover'));
    return name === undefined ? undefined : join(this.runtimeDirectory, name);
  }

  /** The process now goes on with the mount of the one before. */
  get isGoingOn(): boolean {
    return this.daemon.logged('mounted')?.['isGoingOn'] === true;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    try {
      await super[Symbol.asyncDispose]();
    } finally {
      this.#store.kill('SIGKILL');
    }
  }
}
