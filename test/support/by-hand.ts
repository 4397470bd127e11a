import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon, Exit } from './mounted.js';
import { Lasting } from './lasting.js';

/** A mount that nobody keeps: the next process takes it from the one that serves it. */
export class ByHand extends Lasting {
  /** @returns how the process before ended */
  async takeOver(): Promise<Exit> {
    const { daemon: before, options } = this;
    await super.start(...options, '--takeover');
    this.options = options;
    return before.exit();
  }

  /** Starts a process that is to take the mount over, and returns at once. */
  launchTakeover(...args: string[]): Daemon {
    this.expected.push(/cannot take over|exclude each other|locked down|stopped by a signal|cannot be used/);
    return this.launch(...this.options, '--takeover', ...args);
  }

  get socketPath(): string {
    const [socket = ''] = readdirSync(this.runtimeDirectory).filter((name) => name.endsWith('.sock'));
    return join(this.runtimeDirectory, socket);
  }

  /** Where the daemon that leaves writes down what the next one has to know. */
  get takeoverPath(): string {
    return this.socketPath.replace('.sock', '.takeover');
  }

  /** Of a takeover; none while a daemon just serves. */
  get leftFiles(): readonly string[] {
    if (!existsSync(this.runtimeDirectory)) return [];
    return readdirSync(this.runtimeDirectory).filter((name) => name.includes('.takeover'));
  }

  /** The process before ends in order, and tells all that it knows. */
  override untilKnown(): Promise<void> {
    return Promise.resolve();
  }

  override untilWhole(): Promise<void> {
    return Promise.resolve();
  }
}
