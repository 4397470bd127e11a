import type { LogOptions } from '../../base/log.js';
import type { Mounter } from '../../fuse/index.js';
import { MountError } from '../../fuse/index.js';

/** Set by whoever starts us and wants to be told when the mount is usable; its value is a `ParentOffer`. */
export const PARENT_VARIABLE = 'PLATDUMPFS_PARENT';

/** What the parent is, as far as we have to know. */
export interface ParentOffer {
  readonly logFormat: LogOptions['format'];
  /** Number of a FUSE device here that the parent mounts when it is asked to; undefined: we mount ourselves. */
  readonly device?: number | undefined;
}

/**
 * What goes to the parent over Node's IPC channel. A failure is the exit status and a line on standard error.
 *
 * `resolve` and `mount` are asked one at a time, and answered by a `ParentAnswer`.
 */
export type ToParent = { readonly ask: 'resolve' | 'mount' } | { readonly ready: true };

/** A path, or why not. */
export type ParentAnswer = { readonly path: string } | { readonly refused: string };

/** The process that waits for our mount to become usable. */
export interface Parent {
  readonly logFormat: LogOptions['format'];
  readonly mounter: ParentMounter | undefined;
  ready(): Promise<void>;
}

/**
 * Does what would wait for ever in us: systemd lets only the process group of its own mount(8) past an automount, and a
 * daemon has left that.
 */
export interface ParentMounter extends Mounter {
  /** The mount point without symbolic links. @throws MountError */
  resolve(): Promise<string>;
}

/** Undefined when nobody waits. */
export function waitingParent(): Parent | undefined {
  const text = process.env[PARENT_VARIABLE];
  if (text === undefined || process.send === undefined) return undefined;
  const { logFormat, device } = JSON.parse(text) as ParentOffer;
  const mounter =
    device === undefined
      ? undefined
      : { fd: device, resolve: () => askParent('resolve'), mount: () => askParent('mount') };
  return { logFormat, mounter, ready: tellReady };
}

async function askParent(ask: 'resolve' | 'mount'): Promise<string> {
  const answer = await new Promise<ParentAnswer>((resolve) => {
    const settle = (given: ParentAnswer): void => {
      process.off('message', settle);
      process.off('disconnect', lost);
      resolve(given);
    };
    const lost = (): void => settle({ refused: `the process that was to ${ask} has ended` });
    process.on('message', settle);
    process.on('disconnect', lost);
    if (!process.connected) lost();
    else process.send?.({ ask } satisfies ToParent, (error) => error !== null && lost());
  });
  if ('refused' in answer) throw new MountError(answer.refused);
  return answer.path;
}

/** Lets go of the parent afterwards, so that neither keeps the other alive. A parent that died is not waited for. */
function tellReady(): Promise<void> {
  return new Promise((resolve) => {
    const letGo = (): void => {
      if (process.connected) process.disconnect();
      resolve();
    };
    if (process.connected) process.send?.({ ready: true } satisfies ToParent, undefined, {}, letGo);
    else resolve();
  });
}
