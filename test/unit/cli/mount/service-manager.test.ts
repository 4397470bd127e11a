import * as childProcess from 'node:child_process';
import * as timers from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { silentLogger } from '../../../../src/base/log.js';
import {
  isRestartJob,
  serviceOfThisProcess,
  takeStoredDescriptors,
} from '../../../../src/cli/mount/service-manager.js';

vi.mock('node:child_process', { spy: true });
vi.mock('node:timers/promises', { spy: true });

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

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

test('a systemd-notify that not even SIGKILL ends holds up nothing that is told after it', async () => {
  // Other test files have it loaded already, without what stands in for its calls.
  vi.resetModules();
  const { tellServiceManager } = await import('../../../../src/cli/mount/service-manager.js');
  vi.stubEnv('NOTIFY_SOCKET', '/run/nobody');
  vi.mocked(childProcess.execFile).mockReturnValue(new childProcess.ChildProcess());
  vi.mocked(timers.setTimeout).mockImplementation((_, value) => Promise.resolve(value as never));
  const told: unknown[] = [];
  const warn = (message: string, fields?: object): unknown => told.push({ message, ...fields });
  await tellServiceManager('ready', 'serves', { ...silentLogger, warn });
  await tellServiceManager('stopping', 'unmounts', { ...silentLogger, warn });
  const reason = 'systemd-notify does not end';
  expect(told).toEqual(
    ['ready', 'stopping'].map((state) => ({ message: 'cannot tell the service manager', state, reason })),
  );
});

test.each([
  { env: {}, isService: false },
  { env: { SYSTEMD_EXEC_PID: '1' }, isService: false },
  { env: { SYSTEMD_EXEC_PID: String(process.pid) }, isService: true },
  { env: { NOTIFY_SOCKET: '/run/systemd/notify' }, isService: true },
])('with $env: a service $isService', ({ env, isService }) => {
  expect(serviceOfThisProcess(env) !== undefined).toBe(isService);
});
