import { readFileSync, writeFileSync } from 'node:fs';
import type { Logger } from '../../base/log.js';
import { MAX_REQUEST_BYTES } from './negotiate.js';

/** As much as one request may be for. Of its own accord the kernel reads ahead 128 KiB, in eight times as many requests. */
const READ_AHEAD_BYTES = MAX_REQUEST_BYTES;
const READ_AHEAD_KIB = READ_AHEAD_BYTES / 1024;

/**
 * Lets the kernel read ahead whole requests on a mount of ours. In FUSE_INIT a server can only lower what it does; whoever
 * may write to sysfs can raise it. Where that is not allowed dumps are read in smaller pieces, no more.
 *
 * @param deviceMinor of the files of the mount; undefined: not known
 * @see Linux Documentation/ABI/testing/sysfs-class-bdi
 */
export function raiseReadAhead(deviceMinor: number | undefined, log: Logger, sysfs = '/sys'): void {
  if (deviceMinor === undefined) return;
  const path = `${sysfs}/class/bdi/0:${deviceMinor}/read_ahead_kb`;
  let kib: number | undefined;
  try {
    kib = Number(readFileSync(path, 'utf8'));
    // An administrator's udev rule may have set more.
    if (kib < READ_AHEAD_KIB) writeFileSync(path, String(READ_AHEAD_KIB));
    log.info('read-ahead of the kernel', { kib: Number(readFileSync(path, 'utf8')) });
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? error.code : String(error);
    log.info('read-ahead of the kernel stays as it is', { kib, why });
  }
}
