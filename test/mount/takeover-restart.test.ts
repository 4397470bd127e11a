import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fileDump } from '../support/expected-dump.js';
import { Kept } from '../support/kept.js';
import { KERNEL } from '../support/mounted.js';
import { mustRun } from '../support/run-tool.js';
import type { Succession } from '../support/succession.js';
import { whatAnotherDumpGets, whatReadersSee } from '../support/succession.js';
import { untilWaiting } from '../support/until-waiting.js';

const SUCCESSION: Succession<Kept> = {
  how: 'restart with a kept device',
  of: (cell) => Kept.of(cell),
  again: (kept, meanwhile) => kept.restart(meanwhile),
};

whatReadersSee(SUCCESSION);
whatAnotherDumpGets(SUCCESSION);

test('a restart leaves the answer to a removal that firmware is busy with to the process that has asked', async () => {
  await using kept = await Kept.of(KERNEL);
  const dump = fileDump(kept.simDir, 0x2_0000_0001n, 4000, { latencyUs: 500_000 });
  await kept.start();
  await mustRun('cat', [kept.at(dump.name)]);
  await kept.untilWhole();
  const rm = spawn('rm', [kept.at(dump.name)], { stdio: 'ignore' });
  const ending = once(rm, 'exit');
  // With -f it would not say that it found nothing.
  await untilWaiting(rm.pid, /^request_wait_answer$/);
  await kept.restart();
  expect(await ending).toEqual([0, null]);
  expect(readdirSync(kept.simDir)).toContain(`${dump.name}.invalidated`);
});
