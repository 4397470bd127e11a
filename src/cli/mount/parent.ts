import type { LogOptions } from '../../base/log.js';

/** Set by whoever starts us and wants to be told when the mount is usable; its value is how that one logs. */
export const PARENT_VARIABLE = 'PLATDUMPFS_PARENT';

/** What goes to the parent over Node's IPC channel. A failure is the exit status and a line on standard error. */
export interface ReadyMessage {
  readonly ready: true;
  readonly mountpoint: string;
}

/** The process that waits for our mount to become usable. */
export interface Parent {
  readonly logFormat: LogOptions['format'];
  ready(mountpoint: string): Promise<void>;
}

/** Undefined when nobody waits. */
export function waitingParent(): Parent | undefined {
  const format = process.env[PARENT_VARIABLE];
  if (format === undefined || process.send === undefined) return undefined;
  return { logFormat: format === 'json' ? 'json' : 'text', ready: tellReady };
}

/** Lets go of the parent afterwards, so that neither keeps the other alive. A parent that died is not waited for. */
function tellReady(mountpoint: string): Promise<void> {
  return new Promise((resolve) => {
    const letGo = (): void => {
      if (process.connected) process.disconnect();
      resolve();
    };
    if (process.connected)
      process.send?.({ ready: true, mountpoint } satisfies ReadyMessage, undefined, {}, letGo);
    else resolve();
  });
}
