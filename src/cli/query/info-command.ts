import { join } from 'node:path';
import type { DumpTag } from '../../base/tag.js';
import { printable } from '../../base/printable.js';
import { parseTag, tagName } from '../../base/tag.js';
import { formatSize } from '../../base/size.js';
import { listingsOfDaemons } from './daemon-listing.js';
import { CommandError, EXIT, usageError } from '../exit-status.js';
import type { ListedDump } from './listed-dump.js';
import { localTime } from './listed-dump.js';
import type { ParsedOptions } from '../options/parse-options.js';
import { printOut } from '../print.js';
import { nobodyRuns, severalServed, worstOf } from './running-daemons.js';

/** As `info --json` shows it. Fields are only ever added. */
interface DumpInfo extends ListedDump {
  /** Where it can be read. */
  readonly path: string;
}

/** Shows all that a running mount knows of one dump. Touches no firmware. */
export async function infoCommand({ settings, positionals }: ParsedOptions): Promise<number> {
  const [word, ...rest] = positionals;
  if (word === undefined || rest.length > 0)
    throw usageError(`info takes one TAG, got ${positionals.length} arguments`);
  const name = tagName(tagArgument(word));
  const info = await findDump(name, settings.mountpoint);
  await printOut(settings.json ? `${JSON.stringify(info, null, 2)}\n` : infoTable(info));
  return EXIT.done;
}

/** @throws CommandError where no mount lists it, or several do */
async function findDump(name: string, at: string | undefined): Promise<DumpInfo> {
  const { daemons, listings, failures } = await listingsOfDaemons(at);
  const [found, ...others] = listings.flatMap(({ mountpoint, dumps }): DumpInfo[] => {
    const dump = dumps.find(({ tag }) => tag === name);
    return dump === undefined ? [] : [{ ...dump, path: join(mountpoint, name) }];
  });
  if (others.length > 0) throw usageError(severalServed(daemons));
  if (found !== undefined) return found;
  const failure = worstOf(failures);
  if (failure !== undefined) throw failure;
  if (daemons.length === 0) throw nobodyRuns();
  const places = listings.map(({ mountpoint }) => mountpoint);
  throw new CommandError(
    EXIT.failed,
    `no dump ${name} is listed at ${places.join(', ')}; stat ${join(places[0] ?? '', name)} asks firmware for it`,
  );
}

/** @throws CommandError with status `usage` */
export function tagArgument(word: string): DumpTag {
  const tag = parseTag(word);
  if (tag === undefined)
    throw usageError(`expected a dump tag of up to 16 hex digits such as 0x0000000200000001, got "${word}"`);
  return tag;
}

function infoTable(info: DumpInfo): string {
  const size =
    info.size === null ? 'not known yet' : `${exactly(info.size)}, ${info.sizeOrigin ?? 'unknown'}`;
  const lines = [
    ['tag', info.tag],
    ['path', printable(info.path)],
    ['type', info.type],
    ['size', size],
    ['state', info.state],
    ['delivered', exactly(info.delivered)],
    ['first seen', localTime(info.firstSeen)],
    ['source', info.source],
    ['name', info.name ?? 'not read yet'],
    ['sha256', info.sha256 ?? 'not known yet'],
  ] as const;
  return lines.map(([key, value]) => `${key.padEnd(10)}  ${value}\n`).join('');
}

function exactly(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : `${bytes} B (${formatSize(bytes)})`;
}
