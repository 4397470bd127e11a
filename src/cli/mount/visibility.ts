import { existsSync, readFileSync } from 'node:fs';
import type { Logger } from '../../base/log.js';
import type { MountEntry } from '../../base/mountinfo.js';
import { parseMountInfo } from '../../base/mountinfo.js';
import { mountsAt } from '../../fuse/index.js';

/** What docker and podman put into a container. */
const CONTAINER_MARKS = ['/.dockerenv', '/run/.containerenv'];

/** Says in a line of the log when a mount that was just made is seen by hardly anybody. */
export function warnIfHidden(mountpoint: string, log: Logger): void {
  const mounted = mountsAt(mountpoint).at(-1);
  if (mounted === undefined) return;
  const why = hiddenFromOthers(mounted, mountTableOfPid1(), isInContainer());
  if (why !== undefined) log.warn(why.message, { mountpoint, remedy: why.remedy });
}

/**
 * Who does not see a mount that this process has made; undefined: others do, as far as can be known.
 *
 * @param table what PID 1 sees; undefined: it cannot be looked at
 */
export function hiddenFromOthers(
  mounted: Pick<MountEntry, 'deviceMinor' | 'isShared'>,
  table: readonly Pick<MountEntry, 'deviceMajor' | 'deviceMinor'>[] | undefined,
  inContainer: boolean,
): { readonly message: string; readonly remedy: string } | undefined {
  const isSeen = table?.some(
    ({ deviceMajor, deviceMinor }) => deviceMajor === 0 && deviceMinor === mounted.deviceMinor,
  );
  if (isSeen === false)
    return {
      message: 'the mount is seen in the mount namespace of this process only, not by the rest of the system',
      remedy: 'drop settings such as PrivateTmp= or ProtectSystem= from the unit, or leave unshare(1)',
    };
  if (inContainer && !mounted.isShared)
    return {
      message: 'the mount is seen in this container only',
      remedy: 'mount below a directory of the host that is bound with -v DIR:DIR:rshared',
    };
  return undefined;
}

/** Everybody may read it, unlike the link that tells the namespace. */
function mountTableOfPid1(): MountEntry[] | undefined {
  try {
    return parseMountInfo(readFileSync('/proc/1/mountinfo', 'utf8'));
  } catch {
    return undefined;
  }
}

function isInContainer(): boolean {
  return process.env['container'] !== undefined || CONTAINER_MARKS.some((path) => existsSync(path));
}
