import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mountsAt } from '../src/fuse/index.js';
import { isGone, keepTrack } from './leftovers.js';

const START_MS = 20_000;
const END_MS = 15_000;

/** A program that serves a mount point of its own, both in a directory that goes away with it. */
export class Server implements AsyncDisposable {
  readonly directory = realpathSync(mkdtempSync('/var/tmp/platdumpfs-bench-'));
  readonly mountpoint = join(this.directory, 'mnt');
  stderr = '';
  /** Time from the start of the process until it was mounted and said so, milliseconds. */
  readyMs = 0;
  #child: ChildProcess | undefined;

  constructor() {
    mkdirSync(this.mountpoint);
    keepTrack(this);
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  get isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  /** The number of the mount's device, as sysfs spells it. */
  get device(): string {
    return `0:${mountsAt(this.mountpoint).at(-1)?.deviceMinor ?? -1}`;
  }

  get readAheadKib(): number {
    return Number(readFileSync(`/sys/class/bdi/${this.device}/read_ahead_kb`, 'utf8'));
  }

  set readAheadKib(kib: number) {
    writeFileSync(`/sys/class/bdi/${this.device}/read_ahead_kb`, String(kib));
  }

  /** Starts the program and waits until `isReady`. @throws Error with what it said when it ends before */
  async launch(
    program: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
    isReady: () => boolean,
  ): Promise<void> {
    const begun = performance.now();
    const child = spawn(program, args, {
      cwd: this.directory,
      // As a service manager would: what a shell exports may cost Node time (NODE_EXTRA_CA_CERTS: 150 ms at each start).
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    const failed = once(child, 'error').then(([error]) => (this.stderr += String(error)));
    child.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
      if (this.readyMs === 0 && isReady()) this.readyMs = performance.now() - begun;
    });
    while (!isReady()) {
      await Promise.race([sleep(5), failed]);
      if (!this.isRunning || performance.now() - begun > START_MS)
        throw new Error(`${program} did not get ready: ${this.stderr}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    rmSync(this.directory, { recursive: true, force: true });
    isGone(this);
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ended = this.isRunning ? once(child, 'close') : Promise.resolve();
    child.kill('SIGTERM');
    const isInTime = await Promise.race([ended.then(() => true), sleep(END_MS, false, { ref: false })]);
    if (!isInTime) {
      child.kill('SIGKILL');
      await ended;
    }
    if (mountsAt(this.mountpoint).length > 0) spawnSync('umount', ['-l', this.mountpoint]);
  }
}
