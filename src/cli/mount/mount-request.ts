import { totalmem } from 'node:os';
import { resolve } from 'node:path';
import { formatSize } from '../../base/size.js';
import type { Attachment } from '../../fuse/index.js';
import { usageError } from '../exit-status.js';
import { ALWAYS_FOR_THE_KERNEL } from '../options/mount-words.js';
import type { Settings } from '../options/option-table.js';
import { SOURCE_NAMES } from '../options/option-table.js';
import type { ParsedOptions } from '../options/parse-options.js';

/** Everything that `mount` was asked for, checked as far as that goes without looking at the machine. */
export interface MountRequest {
  readonly settings: Settings;
  /** A value of `--source`. */
  readonly source: string;
  /** First column of the mount table: what fstab says, so that mount(8) finds its entry again. */
  readonly fsname: string;
  /** Absolute, or `/dev/fd/N`. */
  readonly mountpoint: string;
  readonly kernelOptions: readonly string[];
  readonly daemon: boolean;
}

/** First columns of fstab that name no source. */
const PLACEHOLDERS = new Set(['none', 'platdumpfs']);

/**
 * @param asHelper called as mount(8) calls its helpers, `platdumpfs SOURCE MOUNTPOINT -o ...`: mount(8) waits for the
 *   program to return
 * @throws CommandError with status `usage`
 */
export function mountRequest(parsed: ParsedOptions, asHelper: boolean): MountRequest {
  const { settings, positionals } = parsed;
  const [mountpoint, sourceWord, ...rest] = [...positionals].reverse();
  if (mountpoint === undefined || mountpoint === '')
    throw usageError('mount needs a MOUNTPOINT (see platdumpfs help mount)');
  if (rest.length > 0)
    throw usageError(`mount takes SOURCE and MOUNTPOINT, got ${positionals.length} arguments`);
  if (settings.daemon && settings.foreground)
    throw usageError('--daemon and --foreground exclude each other');
  checkMemory(settings.cacheSize);
  return {
    settings,
    source: sourceOf(parsed, sourceWord),
    fsname: sourceWord ?? 'platdumpfs',
    mountpoint: resolve(mountpoint),
    kernelOptions: [...ALWAYS_FOR_THE_KERNEL, ...parsed.kernelOptions],
    daemon: asHelper ? !settings.foreground : settings.daemon,
  };
}

/** What the kernel has to know of it. */
export function attachmentOf({ mountpoint, fsname, settings, kernelOptions }: MountRequest): Attachment {
  const { allowOther, readOnly } = settings;
  return { mountpoint, fsname, allowOther, readOnly, kernelOptions };
}

/** What can be changed by another mount only. */
export function madeWith(request: MountRequest): Attachment & Pick<MountRequest, 'source'> {
  return { ...attachmentOf(request), source: request.source };
}

/** The same as a process tells it to the next one of the service. */
export function madeWithText(request: MountRequest): string {
  return JSON.stringify([attachmentOf(request), request.source]);
}

/** N where a mount point is `/dev/fd/N`, a FUSE device that somebody opened and mounted for us. */
export function passedDescriptor(mountpoint: string): number | undefined {
  const digits = /^\/dev\/fd\/(\d{1,6})$/.exec(mountpoint)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The cache is filled only as dumps are read: without this check the kernel would end the daemon then. */
function checkMemory(cacheSizeBytes: number): void {
  const memoryBytes = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  if (cacheSizeBytes > memoryBytes)
    throw usageError(
      `--cache-size: ${formatSize(cacheSizeBytes)} is more than the ${formatSize(memoryBytes)} of this machine`,
    );
}

function sourceOf({ settings, given }: ParsedOptions, word: string | undefined): string {
  if (word === undefined || PLACEHOLDERS.has(word)) return settings.source;
  if (!SOURCE_NAMES.includes(word))
    throw usageError(`unknown source "${word}": expected ${SOURCE_NAMES.join(', ')} or none`);
  if (given.has('source') && settings.source !== word)
    throw usageError(`source is "${word}" in one place and "${settings.source}" in another`);
  return word;
}
