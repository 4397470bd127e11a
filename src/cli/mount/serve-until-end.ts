import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../base/log.js';
import type { Mounted } from '../../fuse/index.js';
import { CommandError, EXIT } from '../exit-status.js';
import { tellServiceManager } from './service-manager.js';
import type { StopSignals } from './stop-signals.js';

/** How long the kernel may take to let go once the mount is out of the mount table, in milliseconds. */
const LET_GO_MS = 2000;

/**
 * Waits until the mount ends: unmounted from outside, or because a signal says so.
 *
 * @param handOver leaves the mount to another process, if there is to be one
 * @param handedOver resolves when another process goes on with the mount
 * @throws CommandError when the connection was lost: it has to look like a crash to whoever started us, since the mount
 *   point answers ENOTCONN and has to until the next start
 */
export async function serveUntilEnd(
  mounted: Mounted,
  stop: StopSignals,
  unmountTimeoutMs: number,
  log: Logger,
  handOver: () => Promise<boolean> = () => Promise.resolve(false),
  handedOver = new Promise<void>(() => undefined),
): Promise<void> {
  const ended = mounted.ended.then((end) => ({ end }));
  const first = await Promise.race([ended, handedOver, stop.first]);
  if (first === undefined) return;
  if (typeof first === 'object') {
    if (first.end === 'lost') throw new CommandError(EXIT.failed, LOST);
    log.info('unmounted');
    return;
  }
  log.info('stopping', { signal: first });
  if (await handOver()) return;
  void tellServiceManager('stopping', `unmounting after ${first}`, log);
  await unmountOnce(mounted, stop, unmountTimeoutMs);
  await Promise.race([mounted.ended, sleep(LET_GO_MS, undefined, { ref: false })]);
  log.info('stopped');
}

const LOST =
  'the connection to the kernel is lost: the mount point answers ENOTCONN until platdumpfs is started again there';

/** Waits for a busy mount as long as configured; a second signal ends the wait. */
async function unmountOnce(mounted: Mounted, stop: StopSignals, timeoutMs: number): Promise<void> {
  const hurried = stop.second.then(() => mounted.unmount(0));
  try {
    await Promise.race([mounted.unmount(timeoutMs), hurried]);
  } catch (error) {
    throw new CommandError(EXIT.failed, (error as Error).message);
  }
}
