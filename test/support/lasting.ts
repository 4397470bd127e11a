import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cell } from './mounted.js';
import { Mounted } from './mounted.js';

/** A mount that one process after the other serves. */
export abstract class Lasting extends Mounted {
  readonly levelPath = join(this.directory, 'level');
  readonly runtimeDirectory = join(this.directory, 'run');
  /** Of the start before. */
  protected options: readonly string[] = [];

  constructor(cell: Cell) {
    super(cell);
    writeFileSync(this.levelPath, '[none] integrity confidentiality\n');
  }

  override start(...args: string[]): Promise<void> {
    this.options = args;
    return super.start(...args);
  }

  override command(...args: string[]): readonly string[] {
    const files = [`--sim-dir=${this.simDir}`, `--lockdown-file=${this.levelPath}`];
    return super.command(...files, `--trace-rtas=${this.tracePath}`, ...args);
  }

  lock(): void {
    writeFileSync(this.levelPath, 'none integrity [confidentiality]\n');
  }

  /** The process now goes on with the mount of the one before. */
  get isGoingOn(): boolean {
    return this.daemon.logged('mounted')?.['isGoingOn'] === true;
  }

  /** Whoever goes on can tell the dump from another one, whatever ends the process now. */
  abstract untilKnown(): Promise<void>;
  /** The same, and that all of it was delivered. */
  abstract untilWhole(): Promise<void>;
}
