import { spawnSync } from 'node:child_process';
import { mkdirSync, rmdirSync, statfsSync, writeFileSync } from 'node:fs';
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

/** A file system in memory with nearly no room. */
export class TinyDisk implements Disposable {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** @returns undefined where nothing may be mounted */
  static in(parent: string, name: string): TinyDisk | undefined {
    const directory = join(parent, name);
    mkdirSync(directory);
    const args = ['-t', 'tmpfs', '-o', 'size=1M,mode=0700', 'tmpfs', directory];
    if (spawnSync('mount', args, { stdio: 'ignore' }).status !== 0) return undefined;
    return statfsSync(directory).type === 0x0102_1994 ? new TinyDisk(directory) : undefined;
  }

  [Symbol.dispose](): void {
    spawnSync('umount', ['-i', '-l', this.directory], { stdio: 'ignore' });
  }
}
