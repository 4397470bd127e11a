import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/log.js';
import type { Mounted } from '../fuse/index.js';
import { CommandError, EXIT } from './exit-status.js';
import { tellServiceManager } from './service-manager.js';
import type { StopSignals } from './stop-signals.js';

/** How long the kernel may take to let go once the mount is out of the mount table, in milliseconds. */
const LET_GO_MS = 2000;

/** Waits until the mount ends: unmounted from outside, or because a signal says so. */
export async function serveUntilEnd(
  mounted: Mounted,
  stop: StopSignals,
  unmountTimeoutMs: number,
  log: Logger,
): Promise<void> {
  const signal = await Promise.race([mounted.ended, stop.first]);
  if (signal === undefined) {
    log.info('unmounted');
    return;
  }
  log.info('stopping', { signal });
  void tellServiceManager('stopping', `unmounting after ${signal}`, log);
  await unmountOnce(mounted, stop, unmountTimeoutMs);
  await Promise.race([mounted.ended, sleep(LET_GO_MS, undefined, { ref: false })]);
  log.info('stopped');
}

/** Waits for a busy mount as long as configured; a second signal ends the wait. */
async function unmountOnce(mounted: Mounted, stop: StopSignals, timeoutMs: number): Promise<void> {
  const hurried = stop.second.then(() => mounted.unmount(0));
  try {
    await Promise.race([mounted.unmount(timeoutMs), hurried]);
  } catch (error) {
    throw new CommandError(EXIT.failed, (error as Error).message);
  }
}
