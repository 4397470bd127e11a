import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a program ended: its status, or the signal that ended it. */
export type End = number | NodeJS.Signals;

/** A program that is expected to hang in a system call until somebody ends it. */
export class Victim implements Disposable {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<End>;

  constructor(command: string, ...args: readonly string[]) {
    this.name = [command, ...args].join(' ');
    const child = spawn(command, args, { stdio: 'ignore' });
    // One that cannot be ended must not keep the test process.
    child.unref();
    this.#child = child;
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (status, signal) => resolve(status ?? signal!));
    });
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** @returns how it ended; undefined: it did not, within that time */
  async endWithin(ms: number): Promise<End | undefined> {
    return Promise.race([this.#ended, sleep(ms, undefined)]);
  }

  /** @returns how it ended, and how long after the signal; `undefined`: not within `limitMs` */
  async signal(signal: NodeJS.Signals, limitMs: number): Promise<{ end: End | undefined; ms: number }> {
    const began = performance.now();
    this.#child.kill(signal);
    const end = await this.endWithin(limitMs);
    return { end, ms: performance.now() - began };
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}
