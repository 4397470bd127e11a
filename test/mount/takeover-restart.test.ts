import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fileDump } from '../support/expected-dump.js';
import { Kept } from '../support/kept.js';
import { KERNEL, until } from '../support/mounted.js';
import { mustRun } from '../support/run-tool.js';
import type { Succession } from '../support/succession.js';
import { whatAnotherDumpGets, whatReadersSee } from '../support/succession.js';

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
  // With -f it would not say that it found nothing. What it asks before is answered at once.
  let looks = 0;
  await until('firmware is told', () => {
    looks = readFileSync(`/proc/${rm.pid}/wchan`, 'latin1') === 'request_wait_answer' ? looks + 1 : 0;
    return looks > 3;
  });
  await kept.restart();
  expect(await ending).toEqual([0, null]);
  expect(readdirSync(kept.simDir)).toContain(`${dump.name}.invalidated`);
});
