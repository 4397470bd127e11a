import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { askForText } from '../control/control-client.js';
import { CommandError, EXIT, usageError } from '../exit-status.js';
import type { ParsedOptions } from '../options/parse-options.js';
import { printOut } from '../print.js';
import type { AskedDaemon } from '../query/running-daemons.js';
import { askDaemons, worstOf } from '../query/running-daemons.js';
import { METRICS } from './metric-table.js';

/** What one place has to say. */
interface Told {
  readonly text: string;
  readonly failure?: CommandError;
}

/** Prints what running daemons tell, for Prometheus. Whoever does not answer is told of as well. */
export async function metricsCommand({ settings, positionals }: ParsedOptions): Promise<number> {
  const [mountpoint, ...rest] = positionals;
  if (rest.length > 0)
    throw usageError(`metrics takes at most one MOUNTPOINT, got ${positionals.length} arguments`);
  const told = await tellAll(mountpoint === undefined ? undefined : resolve(mountpoint));
  const text = mergedExpositions(told.map((place) => place.text));
  if (settings.output === undefined) await printOut(text);
  else replaceFile(settings.output, text);
  const failure = worstOf(told.flatMap((place) => place.failure ?? []));
  if (failure !== undefined) throw failure;
  return EXIT.done;
}

async function tellAll(mountpoint: string | undefined): Promise<readonly Told[]> {
  let daemons: readonly AskedDaemon[];
  try {
    daemons = await askDaemons('/v1/status', mountpoint);
  } catch (error) {
    if (!(error instanceof CommandError) || mountpoint === undefined) throw error;
    return [{ text: expositionOfSilence(mountpoint), failure: error }];
  }
  if (daemons.length === 0)
    return [{ text: '', failure: new CommandError(EXIT.failed, 'no platdumpfs of this user runs') }];
  return Promise.all(daemons.map(tell));
}

async function tell({ socketPath, place, answer }: AskedDaemon): Promise<Told> {
  try {
    if (answer instanceof CommandError) throw answer;
    return { text: await askForText(socketPath, '/metrics') };
  } catch (error) {
    const failure =
      error instanceof CommandError
        ? error
        : new CommandError(EXIT.failed, `${place}: ${(error as Error).message}`);
    return { text: expositionOfSilence(place), failure };
  }
}

/** Whoever reads it while it is written gets the old one whole. @throws CommandError */
function replaceFile(path: string, text: string): void {
  // Not the suffix that the collector looks for.
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, text, { flag: 'wx', mode: 0o600 });
    // The collector is another user.
    chmodSync(draft, 0o644);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new CommandError(EXIT.failed, `${path} cannot be written: ${(error as Error).message}`);
  }
}

const NAME = 'platdumpfs_up';

/** For a place whose daemon does not answer. Not by prom-client, which takes longer to load than all else that is done here. */
function expositionOfSilence(mountpoint: string): string {
  const { help = '', type = 'gauge' } = METRICS.find(({ name }) => name === NAME) ?? {};
  return `# HELP ${NAME} ${help}\n# TYPE ${NAME} ${type}\n${NAME}{mountpoint="${escaped(mountpoint)}"} 0\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}

/**
 * One text of several in Prometheus' text format. A metric may have one heading only, with all its samples below it.
 *
 * Example: two texts that each have `# HELP a`, `# TYPE a` and `a{mountpoint="..."} 1` give these two lines once, and
 * both samples.
 */
function mergedExpositions(texts: readonly string[]): string {
  const families = new Map<string, { readonly heading: string[]; readonly samples: string[] }>();
  for (const text of texts) {
    let name = '';
    for (const line of text.split('\n').filter((each) => each !== '')) {
      const [, kind, of] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
      if (kind === 'HELP' && of !== undefined) name = of;
      const family = families.get(name) ?? { heading: [], samples: [] };
      families.set(name, family);
      if (kind === undefined) family.samples.push(line);
      else if (!family.heading.includes(line) && family.heading.length < 2) family.heading.push(line);
    }
  }
  return [...families.values()]
    .flatMap(({ heading, samples }) => [...heading, ...samples])
    .map((line) => `${line}\n`)
    .join('');
}
