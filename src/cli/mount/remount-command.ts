import { resolve } from 'node:path';
import { MountError, mountsAt, OWN_FSTYPE, remount, resolveMountpoint } from '../../fuse/index.js';
import { CommandError, EXIT, usageError } from '../exit-status.js';
import { ALWAYS_FOR_THE_KERNEL } from '../options/mount-words.js';
import type { ParsedOptions } from '../options/parse-options.js';

/**
 * `-o remount,ro` and back: done by the kernel, the daemon goes on as it is. mount(8) passes everything that fstab says
 * again, so our own options cannot be taken for changes: they have no effect.
 */
export async function remountCommand({
  settings,
  positionals,
  kernelOptions,
}: ParsedOptions): Promise<number> {
  const named = positionals.at(-1);
  if (named === undefined) throw usageError('-o remount needs a MOUNTPOINT');
  try {
    const mounted = mountsAt(await resolveMountpoint(resolve(named))).at(-1);
    if (mounted?.fstype !== OWN_FSTYPE)
      throw new MountError(`cannot remount ${named}: no platdumpfs is mounted there`);
    const words = [settings.readOnly ? 'ro' : 'rw', ...ALWAYS_FOR_THE_KERNEL, ...kernelOptions];
    await remount(mounted, words);
  } catch (error) {
    if (error instanceof MountError) throw new CommandError(EXIT.couldNotMount, error.message);
    throw error;
  }
  return EXIT.done;
}
