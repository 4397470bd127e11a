import type { Logger } from '../base/log.js';
import type { ExplainedGate } from '../lockdown/index.js';
import { openLockdownGate } from '../lockdown/index.js';
import { CommandError, EXIT } from './exit-status.js';
import type { Settings } from './options/option-table.js';

/**
 * @param isGoingOn Somebody has files open from before: these answer that dumps are hidden, whatever the level is.
 * @throws CommandError with status `lockedDown` while dumps must not be shown
 */
export async function openUnlockedGate(
  settings: Settings,
  requireKnown: boolean,
  log: Logger,
  isGoingOn = false,
): Promise<ExplainedGate> {
  const { lockdown: mode, lockdownFile: path } = settings;
  const gate = await openLockdownGate({ mode, path, requireKnown, log });
  if (!gate.locked() || isGoingOn) return gate;
  const reason = gate.reason ?? 'unknown';
  await gate[Symbol.asyncDispose]();
  throw new CommandError(EXIT.lockedDown, `locked down, no dump may be shown: ${reason}`);
}
