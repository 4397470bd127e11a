import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { PROGRAM, Workshop } from './program.js';

const workshop = new Workshop();
afterAll(() => workshop[Symbol.asyncDispose]());

const EXIT_STATUS_2 = 2;
const EXIT_STATUS_3 = 3;

describe('platdumpfs refuses, in one line', () => {
  test.each([
    { args: [], status: EXIT_STATUS_2, line: 'no command given (see platdumpfs --help)' },
    { args: ['lst'], status: EXIT_STATUS_2, line: 'unknown command "lst"' },
    { args: ['help', 'lst'], status: EXIT_STATUS_2, line: 'no help on "lst"' },
    { args: ['--bogus'], status: EXIT_STATUS_2, line: 'unknown option --bogus' },
    { args: ['mount'], status: EXIT_STATUS_2, line: 'mount needs a MOUNTPOINT' },
    { args: ['mount', '--bogus', '/mnt'], status: EXIT_STATUS_2, line: 'unknown option --bogus' },
    { args: ['mount', '/mnt', '-o', 'bogus=1'], status: EXIT_STATUS_2, line: 'unknown option -o bogus' },
    { args: ['mount', '/mnt', '--dump=zz'], status: EXIT_STATUS_2, line: '--dump: expected a dump tag' },
    { args: ['floppy', '/mnt'], status: EXIT_STATUS_2, line: 'unknown source "floppy"' },
    { args: ['umount'], status: EXIT_STATUS_2, line: 'umount takes one MOUNTPOINT' },
    { args: ['list', 'a', 'b'], status: EXIT_STATUS_2, line: 'list takes at most one MOUNTPOINT' },
    { args: ['mount', '/mnt'], status: EXIT_STATUS_3, line: '--source sim' },
    { args: ['mount', 'papr', '/mnt'], status: EXIT_STATUS_3, line: 'source papr is not available' },
    { args: ['list'], status: EXIT_STATUS_3, line: '--source sim' },
    { args: ['list', '/mnt'], status: 1, line: 'no platdumpfs of this user serves /mnt' },
    { args: ['list', '--watch', '--json'], status: EXIT_STATUS_2, line: '--watch or --json' },
    { args: ['list', '--watch=1'], status: EXIT_STATUS_2, line: '--watch takes no value' },
    { args: ['info'], status: EXIT_STATUS_2, line: 'info takes one TAG' },
    { args: ['info', 'zz'], status: EXIT_STATUS_2, line: 'expected a dump tag' },
    { args: ['info', '1', '2'], status: EXIT_STATUS_2, line: 'info takes one TAG' },
    { args: ['info', '1'], status: 1, line: 'no platdumpfs of this user runs' },
    { args: ['info', '--mountpoint='], status: EXIT_STATUS_2, line: '--mountpoint: expected a path' },
    { args: ['save'], status: EXIT_STATUS_2, line: 'save needs a DIR' },
    { args: ['save', '/tmp'], status: EXIT_STATUS_2, line: 'save needs a TAG' },
    { args: ['save', '--all', '1', '/tmp'], status: EXIT_STATUS_2, line: 'TAGs or --all' },
    { args: ['save', 'zz', '/tmp'], status: EXIT_STATUS_2, line: 'expected a dump tag' },
    { args: ['save', '--all', '/tmp'], status: 1, line: 'no platdumpfs of this user runs' },
    { args: ['watch', 'a', 'b'], status: EXIT_STATUS_2, line: 'watch takes at most one MOUNTPOINT' },
    { args: ['watch'], status: 1, line: 'no platdumpfs of this user runs' },
    { args: ['metrics', 'a', 'b'], status: EXIT_STATUS_2, line: 'metrics takes at most one MOUNTPOINT' },
    { args: ['metrics', '--output'], status: EXIT_STATUS_2, line: '--output needs a value' },
    { args: ['metrics'], status: 1, line: 'no platdumpfs of this user runs' },
    { args: ['doctor', 'a', 'b'], status: EXIT_STATUS_2, line: 'doctor takes at most one MOUNTPOINT' },
    { args: ['doctor', '--measure=zz'], status: EXIT_STATUS_2, line: '--measure: expected a dump tag' },
    { args: ['doctor', '--measure=1', '/mnt'], status: EXIT_STATUS_2, line: '--measure takes no MOUNTPOINT' },
    { args: ['doctor', '--measure=1'], status: EXIT_STATUS_3, line: '--source sim' },
    { args: ['umount', '/tmp', '--bogus'], status: EXIT_STATUS_2, line: 'unknown option --bogus' },
    { args: ['umount', '/tmp', '--unmount-timeout=x'], status: EXIT_STATUS_2, line: 'expected seconds' },
    { args: ['umount', '/tmp/nothing here'], status: 1, line: 'nothing is mounted at /tmp/nothing here' },
  ])('$args with status $status', ({ args, status, line }) => {
    const result = workshop.run(...args);
    expect(result.stderr).toMatch(/^platdumpfs: [^\n]+\n$/);
    expect(result.stderr).toContain(line);
    expect(result.stdout).toBe('');
    expect(result.status).toBe(status);
  });
});

test('platdumpfs says of a name that is no UTF-8 that it cannot take it', () => {
  const command = `exec "$0" "$1" mount sim "$(printf '/tmp/caf\\351')"`;
  const result = workshop.exec('sh', ['-c', command, process.execPath, PROGRAM]);
  expect(result.stderr).toMatch(/^platdumpfs: "\/tmp\/caf\uFFFD" is not UTF-8[^\n]+\n$/);
  expect(result.status).toBe(EXIT_STATUS_2);
});

describe('platdumpfs shows', () => {
  test('its version', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(workshop.run('--version')).toEqual({ status: 0, stdout: `platdumpfs ${version}\n`, stderr: '' });
  });

  test.each([
    { args: ['--help'], first: 'Usage: platdumpfs COMMAND' },
    { args: ['-h'], first: 'Usage: platdumpfs COMMAND' },
    { args: ['help', 'mount'], first: 'Usage: platdumpfs mount [SOURCE] MOUNTPOINT' },
    { args: ['mount', '--help'], first: 'Usage: platdumpfs mount [SOURCE] MOUNTPOINT' },
    { args: ['list', '-h'], first: 'Usage: platdumpfs list' },
  ])('help for $args', ({ args, first }) => {
    const { status, stdout, stderr } = workshop.run(...args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.startsWith(first)).toBe(true);
  });

  test('help into a pipe whose reader is gone, without complaint', () => {
    const script = '"$0" "$1" help mount | true; exit "${PIPESTATUS[0]}"';
    const { status, stderr } = workshop.exec('bash', ['-c', script, process.execPath, PROGRAM]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
