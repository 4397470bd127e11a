import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isRtasErrdRunning } from '../../../../src/dump/announcements/rtas-errd.js';
import { Folder } from './support/folder.js';

test.each([
  { processes: { '17': 'rtas_errd\n' }, runs: true },
  { processes: { '1': 'systemd\n', '17': 'rtas_errd\n' }, runs: true },
  { processes: { '1': 'systemd\n' }, runs: false },
  { processes: { '17': 'rtas_errd_old\n' }, runs: false },
  { processes: { self: 'rtas_errd\n' }, runs: false },
  { processes: {}, runs: false },
])('isRtasErrdRunning among $processes is $runs', ({ processes, runs }) => {
  using folder = new Folder();
  for (const [pid, comm] of Object.entries(processes)) {
    mkdirSync(folder.at(pid));
    writeFileSync(folder.at(`${pid}/comm`), comm);
  }
  mkdirSync(folder.at('99999')); // ended while we look: no comm
  expect(isRtasErrdRunning(folder.path)).toBe(runs);
});

test('isRtasErrdRunning without /proc is false', () => {
  expect(isRtasErrdRunning('/nowhere')).toBe(false);
});
