import { execFile } from 'node:child_process';
import type { Logger } from '../../base/log.js';

const LIMIT_MS = 5000;

/** sd_notify(3) has no word for a service that is there and gives nothing away. */
const STATES = {
  ready: ['READY=1'],
  reloading: ['RELOADING=1'],
  locked: [],
  stopping: ['STOPPING=1'],
} as const;

/** Pings within the time that systemd waits for one: the first two may get lost. */
const PINGS = 3;

/** What was said before: the last word counts, so nothing overtakes another. */
let before = Promise.resolve();

/**
 * Tells systemd how far the service has come, where it asked to be told. Never fails: dumps are served as well where the
 * service manager does not hear of it.
 *
 * By systemd-notify(1), since Node.js has no datagram sockets of AF_UNIX; hence NotifyAccess=all in the unit.
 *
 * @param status one line for `systemctl status`
 * @see sd_notify(3)
 */
export function tellServiceManager(state: keyof typeof STATES, status: string, log: Logger): Promise<void> {
  before = before.then(() => notify(state, [...STATES[state], `STATUS=${status}`], log));
  return before;
}

/**
 * Pings the watchdog of systemd, where the unit asks for that. The timer is of the thread that answers readers: when that
 * hangs, systemd ends the process and starts it again.
 */
export function answerWatchdog(log: Logger, env: NodeJS.ProcessEnv = process.env): Disposable {
  const limitUs = Number(env['WATCHDOG_USEC']);
  const isMeant = env['WATCHDOG_PID'] === undefined || env['WATCHDOG_PID'] === String(process.pid);
  if (!(limitUs > 0) || !isMeant) return { [Symbol.dispose]: () => undefined };
  const ping = (): void => void notify('watchdog', ['WATCHDOG=1'], log);
  const timer = setInterval(ping, limitUs / 1000 / PINGS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function notify(state: string, assignments: readonly string[], log: Logger): Promise<void> {
  if (process.env['NOTIFY_SOCKET'] === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    execFile('systemd-notify', assignments, { timeout: LIMIT_MS }, (error) => {
      if (error !== null) log.warn('cannot tell the service manager', { state, reason: error.message });
      resolve();
    });
  });
}
