import { join, resolve } from 'node:path';
import { tagName } from '../../base/tag.js';
import type { DaemonListing } from '../query/daemon-listing.js';
import { listingOfDaemon } from '../query/daemon-listing.js';
import { CommandError, EXIT, usageError } from '../exit-status.js';
import { endingSignals } from '../hang-up.js';
import { tagArgument } from '../query/info-command.js';
import type { ParsedOptions } from '../options/parse-options.js';
import { printError } from '../print.js';
import { checkDirectory, clearPartials, isInMemory } from './target-directory.js';
import { removeDump, saveChecksum, saveDump, tellSaved } from './save-dump.js';
import type { PlannedCopy } from './progress.js';
import { ProgressLine } from './progress.js';
import { explain } from './explain.js';
import { Report } from './report.js';
import type { SavedDump } from './save-dump.js';
import { dropUnfinished } from './unfinished-file.js';

interface SaveRequest {
  /** Undefined: all that are listed. */
  readonly tags: readonly string[] | undefined;
  readonly directory: string;
  readonly remove: boolean;
  /** Copies in memory are copies as well. */
  readonly volatile: boolean;
  /** A file for sha256sum beside each copy. */
  readonly checksum: boolean;
  readonly json: boolean;
  /** With `json`: a line now and then says how far it is. */
  readonly progress: boolean;
}

/** Copies dumps from a running mount; one that fails does not keep the others from being saved. */
export async function saveCommand(parsed: ParsedOptions): Promise<number> {
  const request = saveRequest(parsed);
  const listing = await listingOfDaemon(parsed.settings.mountpoint);
  await checkDirectory(request.directory);
  const counts = await copiesCount(request);
  await clearPartials(request.directory);
  // Nothing else ends a process whose thread waits for firmware in a read; and the signal has to be its end.
  for (const signal of endingSignals()) process.once(signal, () => endBy(signal));
  const report = new Report(request.json, request.progress);
  const planned = dumpsToSave(request, listing);
  const progress = new ProgressLine(planned);
  let failures = 0;
  for (const { tag } of planned)
    if (!(await saveOne(listing.mountpoint, tag, { ...request, counts }, progress, report))) failures += 1;
  report.assertTold();
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
    volatile: settings.volatile,
    checksum: settings.checksum,
    json: settings.json,
    progress: settings.progress,
  };
}

/**
 * @returns whether the mount may be told that there are copies
 * @throws CommandError where firmware would forget dumps whose copies are in memory only
 */
async function copiesCount({ directory, remove, volatile }: SaveRequest): Promise<boolean> {
  if (volatile || !(await isInMemory(directory))) return true;
  if (!remove) return false;
  throw usageError(
    `${directory} is in memory: the copies would be gone at the next boot; save elsewhere, or add --volatile`,
  );
}

/** A tag that is not listed is asked for: firmware may know it. */
function dumpsToSave({ tags }: SaveRequest, { dumps }: DaemonListing): readonly PlannedCopy[] {
  const sizes = new Map(dumps.map(({ tag, size }) => [tag, size ?? undefined]));
  return (tags ?? [...sizes.keys()]).map((tag) => ({ tag, size: sizes.get(tag) }));
}

/** @returns false: it failed, and the user knows @throws CommandError where the others would fail as well */
async function saveOne(
  mountpoint: string,
  tag: string,
  { directory, remove, checksum, counts }: SaveRequest & { readonly counts: boolean },
  progress: ProgressLine,
  report: Report,
): Promise<boolean> {
  let saved: SavedDump;
  try {
    saved = await saveWithProgress(mountpoint, tag, directory, progress, report);
    const { name, bytes, sha256, isNew } = saved;
    await report.tell({ event: 'saved', tag, name, bytes, sha256, isNew, path: join(directory, name) });
  } catch (error) {
    printError(`${tag} is not saved: ${await explain(error, mountpoint, directory)}`);
    return false;
  }
  // Where the mount takes it for a copy of another dump, that one would be removed.
  const isCounted = counts && (await count(mountpoint, tag, saved));
  const isDone = !checksum || (await addChecksum(mountpoint, tag, directory, saved));
  if (!remove || !isCounted || !isDone) return !remove && isDone;
  try {
    await removeDump(mountpoint, tag);
    await report.tell({ event: 'removed', tag });
    return true;
  } catch (error) {
    printError(`${tag} is saved, but not removed: ${await explain(error, mountpoint, directory)}`);
    return false;
  }
}

async function saveWithProgress(
  mountpoint: string,
  tag: string,
  directory: string,
  progress: ProgressLine,
  report: Report,
): Promise<SavedDump> {
  progress.next();
  try {
    return await saveDump(mountpoint, tag, directory, (done, total) => {
      progress.show(done, total);
      report.progress(tag, done, total);
    });
  } finally {
    progress.clear();
  }
}

/** @returns false: there is none, and the user knows @throws CommandError where the others would fail as well */
async function addChecksum(
  mountpoint: string,
  tag: string,
  directory: string,
  saved: SavedDump,
): Promise<boolean> {
  try {
    await saveChecksum(directory, tag, saved);
    return true;
  } catch (error) {
    printError(`${tag} is saved, but not its checksum: ${await explain(error, mountpoint, directory)}`);
    return false;
  }
}

/** @returns false: the mount knows of no copy, and the user knows @throws CommandError where nobody can be told any more */
async function count(mountpoint: string, tag: string, saved: SavedDump): Promise<boolean> {
  try {
    await tellSaved(mountpoint, tag, saved);
    return true;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    printError(`${tag} is saved, but the mount does not count it: ${(error as Error).message}`);
    return false;
  }
}

function endBy(signal: NodeJS.Signals): void {
  dropUnfinished();
  printError(`interrupted: what was not reported is not saved`);
  process.kill(process.pid, signal);
}
