import { resolve } from 'node:path';
import { formatSize } from '../../base/size.js';
import { watchDaemon } from '../control/control-client.js';
import type { ControlError, WatchLine } from '../control/control-protocol.js';
import { CommandError, EXIT, usageError } from '../exit-status.js';
import { endingSignals } from '../hang-up.js';
import type { ParsedOptions } from '../options/parse-options.js';
import { printError, printOut } from '../print.js';
import { askDaemons, onlyDaemon } from './running-daemons.js';

/** Prints a line for each change until interrupted, or until the daemon ends. */
export async function watchCommand({ positionals, settings }: ParsedOptions): Promise<number> {
  const [mountpoint, ...rest] = positionals;
  if (rest.length > 0)
    throw usageError(`watch takes at most one MOUNTPOINT, got ${positionals.length} arguments`);
  const place = mountpoint === undefined ? undefined : resolve(mountpoint);
  const { socketPath } = onlyDaemon(await askDaemons('/v1/status', place));
  const ending = new AbortController();
  const end = (): void => ending.abort();
  const signals = endingSignals();
  for (const signal of signals) process.on(signal, end);
  try {
    await follow(socketPath, settings.json, ending.signal);
  } finally {
    for (const signal of signals) process.off(signal, end);
  }
  return EXIT.done;
}

async function follow(socketPath: string, json: boolean, signal: AbortSignal): Promise<void> {
  try {
    for await (const line of watchDaemon(socketPath, signal))
      if (line.kind !== 'change') told(line);
      // Whoever reads our lines went away.
      else if (!(await printOut(`${json ? jsonLine(line) : textLine(line)}\n`))) return;
  } catch (error) {
    if (signal.aborted) return;
    throw error instanceof CommandError ? error : new CommandError(EXIT.failed, (error as Error).message);
  }
}

/** @throws CommandError where there is nothing to watch */
function told(line: Exclude<WatchLine | ControlError, { kind: 'change' }>): void {
  switch (line.kind) {
    case 'watching':
      // On standard error: whoever waits for this line may make changes from now on.
      printError(`watching ${line.mountpoint}`);
      return;
    case 'locked':
      throw new CommandError(EXIT.lockedDown, `locked down, no dump may be shown at ${line.mountpoint}`);
    case 'error':
      throw new CommandError(EXIT.failed, `the daemon refused: ${line.message}`);
  }
}

function jsonLine({ time, event, dump }: Extract<WatchLine, { kind: 'change' }>): string {
  return JSON.stringify({ time, event, dump });
}

/** `2026-11-22 08:12:00  appeared  0x0000000200000001  platform  4.9 MiB  new` */
function textLine({ time, event, dump }: Extract<WatchLine, { kind: 'change' }>): string {
  const size = dump.size === null ? '-' : formatSize(dump.size);
  const at = new Date(time).toLocaleString('sv-SE');
  return [at, event.padEnd(8), dump.tag, dump.type, size, dump.state].join('  ');
}
