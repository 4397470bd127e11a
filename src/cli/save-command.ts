import { resolve } from 'node:path';
import { tagName } from '../base/tag.js';
import type { DaemonListing } from './daemon-listing.js';
import { listingOfDaemon } from './daemon-listing.js';
import { CommandError, EXIT, usageError } from './exit-status.js';
import { tagArgument } from './info-command.js';
import { passedDescriptor } from './mount-request.js';
import type { ParsedOptions } from './parse-options.js';
import { printError, printOut } from './print.js';
import { NoRoom } from './save/copy.js';
import { checkDirectory, clearPartials } from './save/directory.js';
import { dropUnfinished, removeDump, saveDump } from './save/save-dump.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What a mount says of one dump, but also when all of it is locked, or its daemon has ended. */
const MAY_BE_THE_END = new Set(['EPERM', 'ENOENT', 'ESTALE', 'EIO', 'ENOTCONN', 'ECONNABORTED', 'ENODEV']);

interface SaveRequest {
  /** Undefined: all that are listed. */
  readonly tags: readonly string[] | undefined;
  readonly directory: string;
  readonly remove: boolean;
}

/** Copies dumps from a running mount; one that fails does not keep the others from being saved. */
export async function saveCommand(parsed: ParsedOptions): Promise<number> {
  const request = saveRequest(parsed);
  const listing = await listingOfDaemon(parsed.settings.mountpoint);
  if (passedDescriptor(listing.mountpoint) !== undefined)
    throw new CommandError(
      EXIT.failed,
      `${listing.mountpoint} was mounted by another program: copy from its mount point`,
    );
  await checkDirectory(request.directory);
  await clearPartials(request.directory);
  // Nothing else ends a process whose thread waits for firmware in a read; and the signal has to be its end.
  for (const signal of SIGNALS) process.once(signal, () => endBy(signal));
  let failures = 0;
  for (const tag of tagsToSave(request, listing))
    if (!(await saveOne(listing.mountpoint, tag, request))) failures += 1;
  return failures === 0 ? EXIT.done : EXIT.failed;
}

function saveRequest({ settings, positionals }: ParsedOptions): SaveRequest {
  const words = [...positionals];
  const directory = words.pop();
  if (directory === undefined) throw usageError('save needs a DIR (see platdumpfs help save)');
  if (settings.all && words.length > 0) throw usageError('save takes TAGs or --all, not both');
  if (!settings.all && words.length === 0) throw usageError('save needs a TAG before DIR, or --all');
  const tags = [...new Set(words.map((word) => tagName(tagArgument(word))))];
  return {
    tags: settings.all ? undefined : tags,
    directory: resolve(directory),
    remove: settings.remove,
  };
}

/** A tag that is not listed is asked for: firmware may know it. */
function tagsToSave({ tags }: SaveRequest, { dumps }: DaemonListing): readonly string[] {
  return tags ?? dumps.map(({ tag }) => tag);
}

/** @returns false: it failed, and the user knows @throws CommandError where the others would fail as well */
async function saveOne(
  mountpoint: string,
  tag: string,
  { directory, remove }: SaveRequest,
): Promise<boolean> {
  try {
    const { path, bytes, isNew } = await saveDump(mountpoint, tag, directory);
    await printOut(`${tag} ${isNew ? 'saved' : 'was saved before'} as ${path}, ${bytes} bytes\n`);
  } catch (error) {
    printError(`${tag} is not saved: ${await explain(error, mountpoint, directory)}`);
    return false;
  }
  if (!remove) return true;
  try {
    await removeDump(mountpoint, tag);
    await printOut(`${tag} removed from firmware\n`);
    return true;
  } catch (error) {
    printError(`${tag} is saved, but not removed: ${await explain(error, mountpoint, directory)}`);
    return false;
  }
}

/** @throws CommandError at lockdown, and where nobody serves the mount any more */
async function explain(error: unknown, mountpoint: string, directory: string): Promise<string> {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (MAY_BE_THE_END.has(code)) await assertServed(mountpoint);
  if (code === 'ENOSPC' || code === 'EDQUOT' || error instanceof NoRoom)
    return `no room in ${directory}: ${message}`;
  return REASONS[code] ?? message;
}

/** @throws CommandError */
async function assertServed(mountpoint: string): Promise<void> {
  try {
    await listingOfDaemon(mountpoint);
  } catch (error) {
    if (error instanceof CommandError && error.status === EXIT.lockedDown) throw error;
    throw new CommandError(EXIT.failed, `the daemon at ${mountpoint} has ended: the rest is not saved`);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'firmware has no such dump',
  ESTALE: 'the dump has gone from firmware meanwhile',
  EIO: 'firmware reported a hardware error (EIO); a later attempt may succeed',
  EPERM: 'not permitted (EPERM): the platform delivers it elsewhere, or the mount forbids it',
  EBUSY: 'busy (EBUSY): another program has the dump open, or not every byte was delivered',
  EROFS: 'the mount is read-only (EROFS)',
};

function endBy(signal: NodeJS.Signals): void {
  dropUnfinished();
  printError(`interrupted: what was not reported is not saved`);
  process.kill(process.pid, signal);
}
