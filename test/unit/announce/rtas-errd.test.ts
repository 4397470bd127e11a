import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { extractorWarning, lookAtRtasErrd } from '../../../src/announce/index.js';
import { Folder } from './support/folder.js';

const ORIGINAL = '\x7fELF';
const OURS = '#!/bin/sh\n# extract_platdump of platdumpfs: stands in\n';
const PROGRAM = 'usr/sbin/extract_platdump';

function put(folder: Folder, path: string, text: string, mode = 0o755): void {
  mkdirSync(dirname(folder.at(path)), { recursive: true });
  writeFileSync(folder.at(path), text, { mode });
}

test.each([
  { processes: { '17': 'rtas_errd\n' }, runs: true },
  { processes: { '1': 'systemd\n', '17': 'rtas_errd\n' }, runs: true },
  { processes: { '1': 'systemd\n' }, runs: false },
  { processes: { '17': 'rtas_errd_old\n' }, runs: false },
  { processes: { self: 'rtas_errd\n' }, runs: false },
  { processes: {}, runs: false },
])('lookAtRtasErrd among $processes: running is $runs', ({ processes, runs }) => {
  using folder = new Folder();
  for (const [pid, comm] of Object.entries(processes)) put(folder, `proc/${pid}/comm`, comm);
  mkdirSync(folder.at('proc/99999'), { recursive: true }); // ended while we look: no comm
  expect(lookAtRtasErrd(folder.path)).toEqual({ isRunning: runs, isThere: runs, extractor: 'none' });
});

test('lookAtRtasErrd without /proc finds none running', () => {
  expect(lookAtRtasErrd('/nowhere')).toEqual({ isRunning: false, isThere: false, extractor: 'none' });
});

test.each([
  { what: 'the original', text: ORIGINAL, mode: 0o755, extractor: 'original' },
  { what: 'ours', text: OURS, mode: 0o755, extractor: 'ours' },
  { what: 'one that cannot be run', text: ORIGINAL, mode: 0o644, extractor: 'none' },
])('lookAtRtasErrd, installed, with $what: $extractor', ({ text, mode, extractor }) => {
  using folder = new Folder();
  put(folder, 'usr/sbin/rtas_errd', ORIGINAL);
  put(folder, PROGRAM, text, mode);
  expect(lookAtRtasErrd(folder.path)).toEqual({ isRunning: false, isThere: true, extractor });
});

test('lookAtRtasErrd believes the unit that gives rtas_errd our program', () => {
  using folder = new Folder();
  put(folder, 'usr/sbin/rtas_errd', ORIGINAL);
  put(folder, PROGRAM, ORIGINAL);
  put(folder, 'etc/systemd/system/rtas_errd.service.d/platdumpfs.conf', '');
  expect(lookAtRtasErrd(folder.path).extractor).toBe('ours');
});

test.each([
  { seen: ORIGINAL, here: OURS, extractor: 'original' },
  { seen: OURS, here: ORIGINAL, extractor: 'ours' },
])('lookAtRtasErrd: what the running one sees counts, $extractor', ({ seen, here, extractor }) => {
  using folder = new Folder();
  put(folder, 'proc/17/comm', 'rtas_errd\n');
  put(folder, `elsewhere/${PROGRAM}`, seen);
  put(folder, PROGRAM, here);
  put(folder, 'etc/systemd/system/rtas_errd.service.d/platdumpfs.conf', '');
  symlinkSync(folder.at('elsewhere'), folder.at('proc/17/root'));
  expect(lookAtRtasErrd(folder.path)).toEqual({ isRunning: true, isThere: true, extractor });
});

test.each([
  { isRunning: true, isThere: true, extractor: 'original', says: /rtas_errd runs.*install\.sh/ },
  { isRunning: false, isThere: true, extractor: 'original', says: /rtas_errd is installed.*install\.sh/ },
  { isRunning: true, isThere: true, extractor: 'ours', says: undefined },
  { isRunning: true, isThere: true, extractor: 'none', says: undefined },
  { isRunning: false, isThere: false, extractor: 'original', says: undefined },
] as const)('extractorWarning of $extractor, there: $isThere', ({ says, ...rtasErrd }) => {
  const warning = extractorWarning(rtasErrd);
  if (says === undefined) expect(warning).toBeUndefined();
  else expect(warning).toMatch(says);
});
