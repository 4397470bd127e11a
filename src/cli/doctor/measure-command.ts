import { createRequire } from 'node:module';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { silentLogger } from '../../base/log.js';
import { pageSize } from '../../base/page-size.js';
import type { DumpTag } from '../../base/tag.js';
import { tagName } from '../../base/tag.js';
import type { CreateDriver } from '../../source/index.js';
import { CommandError, EXIT, usageError } from '../exit-status.js';
import type { ParsedOptions } from '../options/parse-options.js';
import { printOut } from '../print.js';
import { askDaemons } from '../query/running-daemons.js';
import { chooseSource, openSource } from '../select-source.js';
import { openUnlockedGate } from '../unlocked-gate.js';
import { version } from '../version.js';
import { measurePass } from './measure-pass.js';

/** Reads a dump through once, without a daemon, and prints how firmware behaved. */
export async function measureCommand(
  tag: DumpTag,
  { settings, positionals }: ParsedOptions,
): Promise<number> {
  if (positionals.length > 0) throw usageError('doctor --measure takes no MOUNTPOINT');
  const { source: chosen } = chooseSource(settings.source, settings);
  await using gate = await openUnlockedGate(settings, chosen.isReal, silentLogger);
  await assertNotServed(tag, chosen.name);
  await using source = openSource(chosen, settings, silentLogger);
  const { createDriver } = createRequire(import.meta.url)(fileURLToPath(source.driver.module)) as {
    createDriver: CreateDriver;
  };
  const measured = measurePass({
    driver: createDriver(source.driver.data),
    tag,
    detail: source.detail(tag),
    isResumable: source.resumable,
    assertAllowed: () => {
      if (gate.locked())
        throw new CommandError(EXIT.lockedDown, 'locked down, no dump may be read: the measurement ends');
    },
    nowUs: () => performance.now() * 1000,
  });
  if (measured.bytes === 0 && measured.failure === undefined)
    throw new CommandError(EXIT.failed, 'firmware has no such dump');
  const machine = {
    program: version(),
    source: chosen.name,
    kernel: release(),
    node: process.versions.node,
    processor: process.arch,
    pageBytes: pageSize(),
  };
  await printOut(`${JSON.stringify({ ...machine, ...measured }, null, 2)}\n`);
  return measured.failure === undefined ? EXIT.done : EXIT.failed;
}

/** One reader per dump, in all of the system. @throws CommandError where a daemon has it, or may have */
async function assertNotServed(tag: DumpTag, source: string): Promise<void> {
  const name = tagName(tag);
  for (const { place, answer } of await askDaemons('/v1/dumps', undefined)) {
    if (answer instanceof CommandError)
      throw new CommandError(EXIT.failed, `whether a daemon serves the dump is not known: ${answer.message}`);
    if (answer.kind !== 'dumps') continue;
    if (answer.dumps.some((dump) => dump.tag === name && dump.source === source))
      throw new CommandError(
        EXIT.failed,
        `the daemon at ${place} serves this dump, which has one reader at a time: unmount first`,
      );
  }
}
