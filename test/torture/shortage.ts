import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Pages that a process in the group may get from now on. */
const LIMIT_BYTES = 4 * 1024 * 1024;

/** A memory control group that is too small for who is in it. */
export class MemoryGroup implements Disposable {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** @returns undefined where there is no such hierarchy, or none that may be written */
  static of(pid: number): MemoryGroup | undefined {
    for (const [root, limit] of [
      ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
      ['/sys/fs/cgroup', 'memory.max'],
    ] as const) {
      const directory = join(root, `platdumpfs-torture-${process.pid}`);
      try {
        mkdirSync(directory);
        writeFileSync(join(directory, limit), String(LIMIT_BYTES), { flag: 'r+' });
        writeFileSync(join(directory, 'cgroup.procs'), String(pid), { flag: 'r+' });
        return new MemoryGroup(directory);
      } catch {
        try {
          rmdirSync(directory);
        } catch {
          // It was not made.
        }
      }
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    rmdirSync(this.#directory);
  }
}
