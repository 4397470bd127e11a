import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unavailable } from './case.js';
import { isGone, keepTrack } from './leftovers.js';

const V1 = '/sys/fs/cgroup/memory';
const V2 = '/sys/fs/cgroup';

/** A control group that may use so much memory and no more. @see Linux Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst */
export class MemoryGroup implements AsyncDisposable {
  readonly version: 'v1' | 'v2';
  readonly #directory: string;

  /** @throws Unavailable where groups cannot be made */
  constructor(limitBytes: number) {
    this.version = existsSync(join(V1, 'memory.limit_in_bytes')) ? 'v1' : 'v2';
    this.#directory = join(this.version === 'v1' ? V1 : V2, `platdumpfs-bench-${process.pid}`);
    try {
      if (this.version === 'v2') writeFileSync(join(V2, 'cgroup.subtree_control'), '+memory');
      mkdirSync(this.#directory);
      const file = this.version === 'v1' ? 'memory.limit_in_bytes' : 'memory.max';
      writeFileSync(join(this.#directory, file), String(limitBytes));
    } catch (error) {
      throw new Unavailable(`no memory control group can be made: ${String(error)}`);
    }
    keepTrack(this);
  }

  /** A process that writes its number there is in the group, and its children are. */
  get members(): string {
    return join(this.#directory, 'cgroup.procs');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What has just ended may still be counted.
    for (let tries = 0; tries < 50 && readFileSync(this.members, 'utf8') !== ''; tries += 1) await sleep(20);
    rmdirSync(this.#directory);
    isGone(this);
  }
}
