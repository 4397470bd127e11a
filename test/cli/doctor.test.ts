import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Finding } from '../../src/cli/doctor/finding.js';
import type { Finished } from './program.js';
import { PROGRAM, Workshop } from './program.js';

let workshop: Workshop;

beforeEach(() => {
  workshop = new Workshop();
});

afterEach(() => workshop[Symbol.asyncDispose]());

interface Diagnosis {
  readonly exitStatus: number;
  readonly findings: readonly Finding[];
}

function diagnose(...args: string[]): { status: number | null; of: (check: string) => readonly Finding[] } {
  const { status, stdout, stderr } = workshop.run('doctor', '--json', ...args);
  expect(stderr).toBe('');
  const { exitStatus, findings } = JSON.parse(stdout) as Diagnosis;
  expect(exitStatus).toBe(status);
  return { status, of: (check) => findings.filter((finding) => finding.check === check) };
}

describe('doctor', () => {
  test('says that a mount would work where it does, in one line per check', async () => {
    const args = ['--source=sim', workshop.mountpoint];
    const { status, stdout, stderr } = workshop.run('doctor', ...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines.splice(-3)).toEqual(['', 'A mount would work.', '']);
    for (const line of lines) expect(line).toMatch(/^(ok|note|warn) {1,4} \S+ +\S.*$/);
    await workshop.mount();
  });

  test('publishes check, status, finding and remedy', () => {
    const { stdout } = workshop.run('doctor', '--json', '--source=sim');
    const { findings } = JSON.parse(stdout) as Diagnosis;
    for (const finding of findings)
      expect(Object.keys(finding)).toEqual(['check', 'status', 'finding', 'remedy']);
    const checks = [
      ...[
        'node',
        'source-papr',
        'source-librtas',
        'source-opal',
        'source-sim',
        'koffi',
        'source',
        'lockdown',
      ],
      ...[
        'transport-kernel',
        'transport-fuse-native',
        'transport',
        'mount-programs',
        'fstab',
        'request-timeouts',
      ],
      ...[
        'extract_platdump',
        'events',
        'state-file',
        'spool',
        'swap',
        'core-dumps',
        'page-size',
        'control-socket',
      ],
    ];
    expect(findings.map(({ check }) => check)).toEqual(expect.arrayContaining(checks));
  });

  test.each([
    { what: 'locked down', status: 4, args: ['--source=sim'] },
    { what: 'no firmware interface', status: 3, args: ['--source=opal', '--opal-dir=/nowhere'] },
  ])('ends with the status that mount would end with: $what', ({ args, status }) => {
    const level = workshop.path('lockdown');
    writeFileSync(level, 'none integrity [confidentiality]\n');
    expect(diagnose(...args, `--lockdown-file=${level}`).status).toBe(status);
    const mounted = workshop.run('mount', ...args, `--lockdown-file=${level}`, workshop.mountpoint);
    expect(mounted.status).toBe(status);
  });

  test('ends with 1 where something else is missing, and with 2 for what it does not understand', () => {
    expect(diagnose('--source=sim', workshop.path('none')).status).toBe(1);
    expect(workshop.run('doctor', 'a', 'b').status).toBe(2);
  });

  test('knows what another user than root may not', () => {
    const env = { XDG_RUNTIME_DIR: workshop.directory, XDG_CACHE_HOME: workshop.directory };
    const as = (...args: string[]): Finished =>
      workshop.exec(
        'setpriv',
        ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, ...args],
        env,
      );
    workshop.exec('chmod', ['-R', '0777', workshop.directory]);
    const args = ['--source=sim', workshop.mountpoint];
    const { status, stdout, stderr } = as(PROGRAM, 'doctor', ...args);
    expect(stderr).toBe('');
    const mounted = as(PROGRAM, 'mount', '--daemon', ...args);
    // Whether this user may mount depends on the machine: both have to say the same.
    expect(status === 0).toBe(mounted.status === 0);
    if (status !== 0) expect(stdout).toMatch(/^fail {2}fuse-device/m);
    else as(PROGRAM, 'umount', workshop.mountpoint);
  });

  test('shows running daemons, warns of those that ignore lockdown, and of what a killed one left', async () => {
    const daemon = await workshop.mount('--lockdown=ignore');
    const serving = diagnose('--source=sim', workshop.mountpoint);
    expect(serving.status).toBe(1);
    expect(serving.of('mountpoint')).toMatchObject([{ status: 'fail' }]);
    expect(serving.of('daemons')).toMatchObject([
      {
        status: 'warn',
        finding: expect.stringMatching(
          `serves sim at ${workshop.mountpoint} \\(kernel, pid ${daemon.child.pid}\\)`,
        ) as string,
        remedy: 'mount again without --lockdown=ignore',
      },
    ]);
    await daemon.stop('SIGKILL');
    const after = diagnose('--source=sim', workshop.mountpoint);
    expect(after.status).toBe(0);
    expect(after.of('mountpoint')).toMatchObject([{ status: 'ok' }]);
    const [left] = after.of('mounts').filter(({ finding }) => finding.includes(workshop.mountpoint));
    expect(left).toMatchObject({ status: 'warn', remedy: `platdumpfs umount ${workshop.mountpoint}` });
    workshop.run('umount', workshop.mountpoint);
    expect(workshop.mounts).toBe(0);
  });
});
