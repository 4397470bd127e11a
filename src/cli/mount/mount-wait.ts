import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../base/log.js';
import type { Mounted } from '../../fuse/index.js';
import { CommandError, EXIT } from '../exit-status.js';
import type { StopSignals } from './stop-signals.js';

const WAITED_FOR = "the kernel's first request (FUSE_INIT)";
const WHY = 'the FUSE device is not mounted, or another process has taken the request';

interface Waits {
  /** Mounting takes some 50 ms on an idle machine. */
  readonly sayAfterMs: number;
  /** What a mount that is under way may take once a signal has come, to be undone as one that is there. */
  readonly finishMs: number;
}

export const OWN_MOUNT: Waits = { sayAfterMs: 5000, finishMs: 2000 };
/** Somebody else mounts: nothing is under way here. */
export const MOUNT_OF_OTHERS: Waits = { sayAfterMs: 5000, finishMs: 100 };

/**
 * Waits until the mount is there. A device that was handed over may never be mounted.
 *
 * @throws CommandError when a signal comes and it is not there soon
 */
export async function mountedUnlessStopped(
  mounting: Promise<Mounted>,
  stop: Pick<StopSignals, 'first'>,
  log: Logger,
  { sayAfterMs, finishMs } = OWN_MOUNT,
): Promise<Mounted> {
  const say = setTimeout(() => log.warn(`waiting for ${WAITED_FOR}`, { why: `${WHY} so far` }), sayAfterMs);
  const stopped = stop.first.then(async (signal) => {
    await sleep(finishMs, undefined, { ref: false });
    throw new CommandError(EXIT.failed, `ended by ${signal} while waiting for ${WAITED_FOR}: ${WHY}`);
  });
  try {
    return await Promise.race([mounting, stopped]);
  } finally {
    clearTimeout(say);
    // Whichever comes later is nobody's business any more.
    mounting.catch(() => undefined);
    stopped.catch(() => undefined);
  }
}
