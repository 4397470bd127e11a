import { expect, test } from 'vitest';
import { isRestartJob, takeStoredDescriptors } from '../../../../src/cli/mount/service-manager.js';

const UNIT = 'platdumpfs.service';

test.each([
  { jobs: '1234 platdumpfs.service restart running\n', isRestart: true },
  { jobs: '  7 other.service stop running\n 12 platdumpfs.service restart waiting\n', isRestart: true },
  { jobs: '1234 platdumpfs.service stop running\n', isRestart: false },
  { jobs: '1234 other.service restart running\n', isRestart: false },
  { jobs: '', isRestart: false },
])('of $jobs: restart $isRestart', ({ jobs, isRestart }) => {
  expect(isRestartJob(jobs, UNIT)).toBe(isRestart);
});

test('descriptors that systemd gives have their names, and no child takes them for its own', () => {
  const env = { LISTEN_PID: String(process.pid), LISTEN_FDS: '2', LISTEN_FDNAMES: 'one:two', LANG: 'C' };
  expect(takeStoredDescriptors(env)).toEqual([
    { fd: 3, name: 'one' },
    { fd: 4, name: 'two' },
  ]);
  expect(env).toEqual({ LANG: 'C' });
});

test.each([
  { env: {} },
  { env: { LISTEN_PID: '1', LISTEN_FDS: '1', LISTEN_FDNAMES: 'one' } },
  { env: { LISTEN_PID: String(process.pid), LISTEN_FDS: 'x' } },
])('none are taken from $env', ({ env }) => {
  expect(takeStoredDescriptors(env)).toEqual([]);
});
