import { statSync } from 'node:fs';
import { loadKoffi } from '../../base/koffi.js';
import { threadEntry } from '../../base/thread-entry.js';
import { PAPR_DEVICE_PATH } from './papr-device.js';
import type { PaprDriverData } from './papr-driver.js';
import { LISTS_NOTHING } from '../lists-nothing.js';
import type { DumpSource } from '../source.js';
import { SourceUnavailable } from '../source-error.js';

export interface PaprSourceOptions {
  /** Default: `/dev/papr-platform-dump`. */
  readonly devicePath?: string | undefined;
  readonly traceChannel?: string | undefined;
}

/**
 * Dumps through the kernel's character device. It lists none: tags come from announcements and from whoever knows them.
 *
 * @throws SourceUnavailable when the device or what is needed to talk to it is not there
 */
export function openPaprSource({
  devicePath = PAPR_DEVICE_PATH,
  traceChannel,
}: PaprSourceOptions): DumpSource {
  const absence = paprAbsence(devicePath);
  if (absence !== undefined) throw new SourceUnavailable(absence);
  // Now rather than at the first read: no dump could be read without it.
  loadKoffi();
  const data: PaprDriverData = { devicePath, traceChannel };
  return {
    name: 'papr',
    resumable: false,
    invalidateNeedsFinishedPass: true,
    knowsIncarnations: false,
    driver: { module: threadEntry('source/papr/papr-driver.js').href, data },
    ...LISTS_NOTHING,
  };
}

/** Why this source cannot be used; undefined where it can. */
export function paprAbsence(devicePath: string = PAPR_DEVICE_PATH): string | undefined {
  const stats = statSync(devicePath, { throwIfNoEntry: false });
  if (stats === undefined) return `${devicePath} does not exist`;
  return stats.isCharacterDevice() ? undefined : `${devicePath} is no character device`;
}
