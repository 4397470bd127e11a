import { resolve } from 'node:path';
import { createLogger, silentLogger } from '../base/log.js';
import { listingIn } from './daemon-listing.js';
import { CommandError, EXIT, usageError } from './exit-status.js';
import type { ListedDump } from './listing.js';
import { listedFromSource, listingTable, shownAtEveryLevel, sortListing } from './listing.js';
import { logOptions } from './log-settings.js';
import { openUnlockedGate } from './open-gate.js';
import type { OptionKey } from './option-table.js';
import type { ParsedOptions } from './parse-options.js';
import { printError, printOut } from './print.js';
import { askDaemonAt, askOnlyDaemon } from './running-daemons.js';
import { chooseSource, needsKnownLockdown, openSource } from './select-source.js';

/** Options that say where dumps come from: with one of them a running daemon is not asked. */
const SOURCE_OPTIONS: readonly OptionKey[] = [
  'source',
  'dump',
  'opalDir',
  'simDir',
  'simDump',
  'simLatencyUs',
  'simDiscipline',
];

export async function listCommand(parsed: ParsedOptions): Promise<number> {
  const { settings } = parsed;
  try {
    const dumps = await findDumps(parsed);
    if (dumps.some(({ lockdown }) => lockdown === 'ignored'))
      printError('kernel lockdown is ignored: these dumps are shown at every level (--lockdown=ignore)');
    await printOut(settings.json ? `${JSON.stringify(dumps, null, 2)}\n` : listingTable(dumps));
  } catch (error) {
    // A script that reads JSON gets an array in every case in which the question was understood.
    if (settings.json && error instanceof CommandError && error.status === EXIT.lockedDown)
      await printOut('[]\n');
    throw error;
  }
  return EXIT.done;
}

async function findDumps(parsed: ParsedOptions): Promise<readonly ListedDump[]> {
  const [mountpoint, ...rest] = parsed.positionals;
  if (rest.length > 0)
    throw usageError(`list takes at most one MOUNTPOINT, got ${parsed.positionals.length} arguments`);
  if (mountpoint !== undefined) return listingIn(await askDaemonAt(resolve(mountpoint))).dumps;
  const sourceGiven = SOURCE_OPTIONS.some((key) => parsed.given.has(key));
  if (sourceGiven) return dumpsOfSource(parsed);
  const response = await askOnlyDaemon();
  return response === undefined ? dumpsOfSource(parsed).catch(noDaemonEither) : listingIn(response).dumps;
}

/** Says first what was looked for first. */
function noDaemonEither(error: unknown): never {
  if (!(error instanceof CommandError) || error.status !== EXIT.noFirmwareInterface) throw error;
  throw new CommandError(error.status, `no daemon of this user was found, and ${error.message}`);
}

async function dumpsOfSource({ settings, given }: ParsedOptions): Promise<ListedDump[]> {
  // Nothing is being served that could be warned about; errors come as exit status and message.
  const log = given.has('logLevel') ? createLogger(logOptions(settings)) : silentLogger;
  const usable = chooseSource(settings.source, settings);
  await (await openUnlockedGate(settings, needsKnownLockdown(usable), log))[Symbol.asyncDispose]();
  await using source = openSource(usable, settings, log);
  const dumps = sortListing(listedFromSource(source, Date.now()));
  return settings.lockdown === 'ignore' ? shownAtEveryLevel(dumps) : dumps;
}
