import { execFile } from 'node:child_process';
import type { Logger } from '../../base/log.js';

const LIMIT_MS = 5000;

/** sd_notify(3) has no word for a service that is there and gives nothing away. */
const STATES = { ready: ['READY=1'], locked: [], stopping: ['STOPPING=1'] } as const;

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
  if (process.env['NOTIFY_SOCKET'] === undefined) return Promise.resolve();
  const assignments = [...STATES[state], `STATUS=${status}`];
  return new Promise((resolve) => {
    execFile('systemd-notify', assignments, { timeout: LIMIT_MS }, (error) => {
      if (error !== null) log.warn('cannot tell the service manager', { state, reason: error.message });
      resolve();
    });
  });
}
