import { status } from '@grpc/grpc-js';
import { join } from 'node:path';
import { mountAt, readMounts } from './mount-table.js';
import { run } from './programs.js';
import { Refusal } from './refusal.js';
import type { Settings } from './settings.js';

const OWN_FSTYPE = 'fuse.platdumpfs';
/** The daemon answers from memory. */
const ANSWER_MS = 5000;

/** What df(1) says of the dumps. */
export interface Usage {
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly files: number;
}

/**
 * Whether pods may be given the dumps.
 *
 * @throws Refusal FAILED_PRECONDITION where the manifests were changed: a pod would keep a dead mount, or could remove dumps
 * @throws Refusal UNAVAILABLE while no daemon serves: a pod would take an empty directory for a node without dumps
 */
export async function checkSource({ source, mountName }: Settings): Promise<void> {
  const mounts = readMounts();
  const directory = mountAt(source, mounts);
  if (directory === undefined) throw precondition(`nothing is mounted at ${source}`);
  if (!directory.propagation.some((word) => word.startsWith('master:')))
    throw precondition(
      `${source} would not follow the daemon's next mount: set mountPropagation: HostToContainer`,
    );
  if (directory.propagation.some((word) => word.startsWith('shared:')))
    throw precondition(`${source} hands mounts back to the host: set mountPropagation: HostToContainer`);
  if (!directory.readOnly) throw precondition(`${source} is writable: set readOnly: true`);
  const dumps = mountAt(join(source, mountName), mounts);
  if (dumps?.fstype !== OWN_FSTYPE)
    throw new Refusal(status.UNAVAILABLE, 'no platdumpfs daemon serves dumps on this node');
  // What is mounted below a read-only bind is as writable as it was mounted.
  if (!dumps.readOnly)
    throw precondition('the daemon serves dumps that pods could remove: mount them with -o ro');
  await usageOf(dumps.mountpoint);
}

function precondition(message: string): Refusal {
  return new Refusal(status.FAILED_PRECONDITION, message);
}

/** In a process of its own: a daemon that hangs takes no thread of this one. @throws Refusal UNAVAILABLE */
export async function usageOf(path: string): Promise<Usage> {
  try {
    const [size, blocks, free, files] = (await run('stat', ['-f', '-c', '%S %b %f %c', path], ANSWER_MS))
      .trim()
      .split(' ')
      .map(Number);
    return {
      totalBytes: (blocks ?? 0) * (size ?? 0),
      freeBytes: (free ?? 0) * (size ?? 0),
      files: files ?? 0,
    };
  } catch (error) {
    throw new Refusal(status.UNAVAILABLE, `the daemon does not answer: ${(error as Error).message}`);
  }
}
