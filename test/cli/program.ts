import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PATIENCE_MS } from '../support/patience.js';

export const PROGRAM = fileURLToPath(new URL('../../bin/platdumpfs', import.meta.url));

export interface Finished {
  /** Null where a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A private place for one test: mount point, control sockets, files. Nothing of it outlives the test. */
export class Workshop implements AsyncDisposable {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'platdumpfs-cli-')));
  readonly mountpoint = join(this.directory, 'mnt');
  readonly env: NodeJS.ProcessEnv = { ...process.env, RUNTIME_DIRECTORY: join(this.directory, 'run') };
  readonly #started: ChildProcess[] = [];

  constructor() {
    mkdirSync(this.mountpoint);
    delete this.env['JOURNAL_STREAM'];
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Runs the program to its end. It also has to let go of its output: a pipe that stays open is a failure. */
  run(...args: string[]): Finished {
    return this.exec(process.execPath, [PROGRAM, ...args]);
  }

  exec(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Finished {
    const options = { encoding: 'utf8', env: { ...this.env, ...env }, timeout: PATIENCE_MS } as const;
    const { status, stdout, stderr, error } = spawnSync(command, args, options);
    if (error !== undefined) throw error;
    return { status, stdout, stderr };
  }

  /** The same beside others: for what waits. */
  async finish(...args: string[]): Promise<Finished> {
    const running = this.start(...args);
    const status = await running.exit();
    const { stdout, stderr } = running;
    return { status: typeof status === 'number' ? status : null, stdout, stderr };
  }

  /** Starts the program and returns at once. */
  start(...args: string[]): Running {
    return this.spawn(process.execPath, PROGRAM, ...args);
  }

  /** Starts any command and returns at once. */
  spawn(command: string, ...args: string[]): Running {
    const child = spawn(command, args, {
      env: this.env,
      cwd: this.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#started.push(child);
    return new Running(child);
  }

  /** Serves simulated dumps in the foreground until `stop`. */
  async mount(...args: string[]): Promise<Running> {
    const running = this.start('mount', 'sim', this.mountpoint, '--log-format=text', ...args);
    await running.said('info: mounted');
    return running;
  }

  /** Pids of daemons that work for this workshop. */
  get daemons(): number[] {
    const { stdout } = spawnSync('pgrep', ['-f', `platdumpfs .*${this.mountpoint}`], { encoding: 'utf8' });
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map(Number);
  }

  get mounts(): number {
    const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    return lines.filter((line) => line.split(' ')[4] === this.mountpoint).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.mounts > 0) if (spawnSync('umount', ['-i', '-l', this.mountpoint]).status !== 0) break;
    for (const child of this.#started) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(this.directory, { recursive: true });
  }
}

/** A program that runs beside the test. */
export class Running {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #exited: Promise<number | NodeJS.Signals>;

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.#exited = once(child, 'close').then(
      ([status, signal]) => (status ?? signal) as number | NodeJS.Signals,
    );
  }

  /** Waits until standard error holds `text`. */
  async said(text: string): Promise<void> {
    const gone = this.#exited.then((status) => {
      throw new Error(`ended with ${status} without saying "${text}":\n${this.stderr}`);
    });
    while (!this.stderr.includes(text))
      await Promise.race([once(this.child.stderr!, 'data'), gone, this.#limit()]);
    gone.catch(() => undefined);
  }

  /** Exit status, or the signal that ended it. */
  async exit(): Promise<number | NodeJS.Signals> {
    return Promise.race([this.#exited, this.#limit()]);
  }

  async stop(signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
    this.child.kill(signal);
    return this.exit();
  }

  #limit(): Promise<never> {
    return new Promise((_, reject) => {
      const fail = (): void => reject(new Error(`nothing happened for ${PATIENCE_MS} ms:\n${this.stderr}`));
      setTimeout(fail, PATIENCE_MS).unref();
    });
  }
}
