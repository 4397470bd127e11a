import { dirname, join, resolve } from 'node:path';
import { createLogger, silentLogger } from '../../base/log.js';
import { listingsOfDaemons } from './daemon-listing.js';
import { CommandError, EXIT, usageError } from '../exit-status.js';
import type { ListedDump } from './listed-dump.js';
import { listedFromSource, listingTable, shownAtEveryLevel, sortListing } from './listed-dump.js';
import { logOptions } from '../options/log-settings.js';
import { openUnlockedGate } from '../unlocked-gate.js';
import type { AnyOption } from '../options/option-kinds.js';
import { OPTIONS } from '../options/option-table.js';
import type { ParsedOptions } from '../options/parse-options.js';
import { printError, printOut } from '../print.js';
import { worstOf } from './running-daemons.js';
import { watchTable } from './watch-table.js';
import { chooseSource, openSource } from '../select-source.js';

/** A dump as `list --json` shows it. Fields are only ever added. */
interface FoundDump extends ListedDump {
  /** Where it can be read; absent where it is not mounted. */
  readonly path?: string;
}

interface Found {
  readonly dumps: readonly FoundDump[];
  /** Why there may be more. */
  readonly failure: CommandError | undefined;
}

export async function listCommand(parsed: ParsedOptions): Promise<number> {
  const { settings } = parsed;
  if (settings.watch && settings.json)
    throw usageError('list takes --watch or --json, not both (see platdumpfs help watch)');
  if (settings.watch) return watchTable((show) => listOnce(parsed, (found) => show(tableOf(found))));
  await listOnce(parsed, settings.json ? printJson : printTable);
  return EXIT.done;
}

/** @throws CommandError where somebody could not tell, after what others told was shown */
async function listOnce(parsed: ParsedOptions, show: (found: Found) => Promise<unknown>): Promise<void> {
  const found = await findDumps(parsed);
  if (found.dumps.some(({ lockdown }) => lockdown === 'ignored'))
    printError('kernel lockdown is ignored: these dumps are shown at every level (--lockdown=ignore)');
  await show(found);
  if (found.failure !== undefined) throw found.failure;
}

/** A script that reads JSON gets an array in every case in which the question was understood. */
function printJson({ dumps }: Found): Promise<unknown> {
  return printOut(`${JSON.stringify(dumps, null, 2)}\n`);
}

async function printTable(found: Found): Promise<void> {
  const text = tableOf(found);
  if (text !== undefined) await printOut(text);
}

/** Undefined: nothing is known, which is not the same as no dump. */
function tableOf({ dumps, failure }: Found): string | undefined {
  return failure === undefined || dumps.length > 0 ? table(dumps) : undefined;
}

async function findDumps(parsed: ParsedOptions): Promise<Found> {
  const [mountpoint, ...rest] = parsed.positionals;
  if (rest.length > 0)
    throw usageError(`list takes at most one MOUNTPOINT, got ${parsed.positionals.length} arguments`);
  if (mountpoint === undefined && asksSource(parsed)) return foundInSource(parsed);
  const found = await listingsOfDaemons(mountpoint === undefined ? undefined : resolve(mountpoint));
  if (found.daemons.length === 0) return foundInSource(parsed).catch(noDaemonEither);
  const dumps = found.listings.flatMap((listing) =>
    listing.dumps.map((dump): FoundDump => ({ ...dump, path: join(listing.mountpoint, dump.tag) })),
  );
  return { dumps: sortListing(dumps), failure: worstOf(found.failures) };
}

function asksSource({ given }: ParsedOptions): boolean {
  return [...given].some((key) => (OPTIONS[key] as AnyOption).asksSource);
}

async function foundInSource(parsed: ParsedOptions): Promise<Found> {
  try {
    return { dumps: await dumpsOfSource(parsed), failure: undefined };
  } catch (error) {
    if (error instanceof CommandError && error.status === EXIT.lockedDown)
      return { dumps: [], failure: error };
    throw error;
  }
}

/** Says first what was looked for first. */
function noDaemonEither(error: unknown): never {
  if (!(error instanceof CommandError) || error.status !== EXIT.noFirmwareInterface) throw error;
  throw new CommandError(error.status, `no daemon of this user was found, and ${error.message}`);
}

/** With a column that tells the mounts apart where there are several. */
function table(dumps: readonly FoundDump[]): string {
  const mounts = new Set(dumps.map(({ path }) => path && dirname(path)));
  return listingTable(dumps, mounts.size > 1 ? ({ path = '' }) => dirname(path) : undefined);
}

async function dumpsOfSource({ settings, given }: ParsedOptions): Promise<ListedDump[]> {
  // Nothing is being served that could be warned about; errors come as exit status and message.
  const log = given.has('logLevel') ? createLogger(logOptions(settings)) : silentLogger;
  const { source: chosen } = chooseSource(settings.source, settings);
  await (await openUnlockedGate(settings, chosen.isReal, log))[Symbol.asyncDispose]();
  await using source = openSource(chosen, settings, log);
  const dumps = sortListing(listedFromSource(source, Date.now()));
  return settings.lockdown === 'ignore' ? shownAtEveryLevel(dumps) : dumps;
}
