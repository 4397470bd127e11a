import { describe, expect, test } from 'vitest';
import { CommandError } from '../../../../src/cli/exit-status.js';
import type { Verb } from '../../../../src/cli/options/option-kinds.js';
import type { Settings } from '../../../../src/cli/options/option-table.js';
import { SOURCE_NAMES } from '../../../../src/cli/options/option-table.js';
import type { ParsedOptions } from '../../../../src/cli/options/parse-options.js';
import { parseOptions } from '../../../../src/cli/options/parse-options.js';

const MIB = 1024 ** 2;

function mount(...args: string[]): ParsedOptions {
  return parseOptions('mount', args);
}

function failure(verb: Verb, args: string[]): CommandError {
  try {
    parseOptions(verb, args);
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
  throw new Error(`${args.join(' ')} was accepted`);
}

test('parseOptions gives the documented defaults', () => {
  expect(mount().settings).toEqual({
    source: 'auto',
    dump: [],
    opalDir: undefined,
    events: 'auto',
    platformLog: undefined,
    errorLog: undefined,
    stateFile: undefined,
    simDir: undefined,
    simDump: [],
    simLatencyUs: 0,
    simDiscipline: 'papr',
    transport: 'auto',
    unlink: 'delivered',
    readOnly: false,
    cacheSize: 64 * MIB,
    spool: 'auto',
    spoolSize: 16 * 1024 ** 3,
    uid: undefined,
    gid: undefined,
    umask: 0o277,
    allowOther: false,
    daemon: false,
    foreground: false,
    unmountTimeout: 5000,
    lockdown: 'enforce',
    lockdownFile: undefined,
    mountpoint: undefined,
    all: false,
    remove: false,
    checksum: false,
    progress: false,
    volatile: false,
    measure: undefined,
    output: undefined,
    watch: false,
    json: false,
    takeover: false,
    traceRtas: undefined,
    logFile: undefined,
    logLevel: 'info',
    logFormat: undefined,
    help: false,
  } satisfies Settings);
});

/** Each option of `mount` in both spellings. */
const ACCEPTED: { name: string; value?: string; expected: Partial<Settings> }[] = [
  { name: 'source', value: 'sim', expected: { source: 'sim' } },
  { name: 'dump', value: '200000001', expected: { dump: [{ tag: 0x200000001n as never }] } },
  { name: 'dump', value: '1:4K', expected: { dump: [{ tag: 1n as never, size: 4096 }] } },
  { name: 'events', value: 'proc', expected: { events: 'proc' } },
  { name: 'platform-log', value: '/p', expected: { platformLog: '/p' } },
  { name: 'error-log', value: '/e', expected: { errorLog: '/e' } },
  { name: 'state-file', value: '/s', expected: { stateFile: '/s' } },
  { name: 'sim-dir', value: '/d', expected: { simDir: '/d' } },
  { name: 'sim-dump', value: '1:5G', expected: { simDump: [{ tag: 1n as never, size: 5 * 1024 ** 3 }] } },
  { name: 'sim-latency-us', value: '200', expected: { simLatencyUs: 200 } },
  { name: 'sim-discipline', value: 'librtas', expected: { simDiscipline: 'librtas' } },
  { name: 'transport', value: 'kernel', expected: { transport: 'kernel' } },
  { name: 'unlink', value: 'never', expected: { unlink: 'never' } },
  { name: 'read-only', expected: { readOnly: true } },
  { name: 'cache-size', value: '8M', expected: { cacheSize: 8 * MIB } },
  { name: 'spool', value: '/s', expected: { spool: '/s' } },
  { name: 'spool', value: 'none', expected: { spool: 'none' } },
  { name: 'spool-size', value: '2G', expected: { spoolSize: 2 * 1024 ** 3 } },
  { name: 'uid', value: '1000', expected: { uid: 1000 } },
  { name: 'gid', value: '0', expected: { gid: 0 } },
  { name: 'umask', value: '022', expected: { umask: 0o22 } },
  { name: 'allow-other', expected: { allowOther: true } },
  { name: 'daemon', expected: { daemon: true } },
  { name: 'foreground', expected: { foreground: true } },
  { name: 'unmount-timeout', value: '0.5', expected: { unmountTimeout: 500 } },
  { name: 'lockdown', value: 'ignore', expected: { lockdown: 'ignore' } },
  { name: 'lockdown-file', value: '/l', expected: { lockdownFile: '/l' } },
  { name: 'trace-rtas', value: '/t', expected: { traceRtas: '/t' } },
  { name: 'log-file', value: '/l', expected: { logFile: '/l' } },
  { name: 'log-level', value: 'debug', expected: { logLevel: 'debug' } },
  { name: 'log-format', value: 'json', expected: { logFormat: 'json' } },
];

describe('mount accepts', () => {
  test.each(ACCEPTED)('--$name $value', ({ name, value, expected }) => {
    expect(mount(`--${name}`, ...(value === undefined ? [] : [value])).settings).toMatchObject(expected);
  });
  test.each(ACCEPTED.filter(({ value }) => value !== undefined))(
    '--$name=$value',
    ({ name, value, expected }) => {
      expect(mount(`--${name}=${value ?? ''}`).settings).toMatchObject(expected);
    },
  );
  test.each(ACCEPTED)('-o $name=$value', ({ name, value, expected }) => {
    expect(mount('-o', value === undefined ? name : `${name}=${value}`).settings).toMatchObject(expected);
  });
  test.each(ACCEPTED)('-o $name=$value with underscores', ({ name, value, expected }) => {
    const spelled = name.replaceAll('-', '_');
    expect(mount('-o', value === undefined ? spelled : `${spelled}=${value}`).settings).toMatchObject(
      expected,
    );
  });
});

test('--takeover makes no sense in a table of file systems', () => {
  expect(mount('--takeover').settings.takeover).toBe(true);
  expect(() => mount('-o', 'takeover')).toThrow('unknown option -o takeover');
});

describe('lists and order', () => {
  test('repeatable options collect from both spellings', () => {
    const { settings } = mount('--dump', '1', '-o', 'dump=2,dump=3:1K', '--dump=4');
    expect(settings.dump.map(({ tag }) => tag)).toEqual([1n, 2n, 3n, 4n]);
  });

  test('of other options the last one counts', () => {
    expect(mount('--umask=0', '-o', 'umask=77', '--umask', '22').settings.umask).toBe(0o22);
  });

  test('positionals may stand anywhere, and behind --', () => {
    expect(mount('sim', '-o', 'ro', '/mnt', '--daemon').positionals).toEqual(['sim', '/mnt']);
    expect(mount('--', '-odd').positionals).toEqual(['-odd']);
  });

  test('-o may be glued to its list and given twice', () => {
    expect(mount('-oro,source=sim', '-o', 'allow_other').settings).toMatchObject({
      readOnly: true,
      source: 'sim',
      allowOther: true,
    });
  });

  test('given tells options of the user from defaults', () => {
    expect([...mount('--umask=0277', '-o', 'source=auto').given].sort()).toEqual(['source', 'umask']);
  });

  test('a relative path is made absolute', () => {
    expect(mount('--sim-dir', 'dumps').settings.simDir).toBe(`${process.cwd()}/dumps`);
  });
});

describe('words of mount(8)', () => {
  test.each([
    ...[
      'x-systemd.automount',
      'x-gvfs-hide',
      'X-mount.mkdir=0755',
      '_netdev',
      'auto',
      'noauto',
      'nofail',
      'user',
    ],
    ...['user=alice', 'users', 'nouser', 'rw', 'defaults', 'suid', 'nosuid', 'dev', 'nodev', 'exec', 'atime'],
    ...['relatime', 'default_permissions', 'comment=for people', ''],
  ])('-o %s changes nothing', (word) => {
    const parsed = mount('-o', word);
    expect(parsed.kernelOptions).toEqual([]);
    expect(parsed.settings).toEqual(mount().settings);
  });

  test.each(['noexec', 'noatime', 'nodiratime', 'context=system_u:object_r:tmp_t:s0', 'fscontext=x'])(
    '-o %s goes to the kernel',
    (word) => {
      expect(mount('-o', `ro,${word},${word}`).kernelOptions).toEqual([word]);
    },
  );

  test.each([
    { words: 'ro', readOnly: true },
    { words: 'ro,rw', readOnly: false },
    { words: 'rw,ro', readOnly: true },
  ])('-o $words makes readOnly $readOnly', ({ words, readOnly }) => {
    expect(mount('-o', words).settings.readOnly).toBe(readOnly);
  });
});

describe('usage errors name option and value', () => {
  test.each<{ verb?: Verb; args: string[]; message: string }>([
    { args: ['--bogus'], message: 'unknown option --bogus' },
    { args: ['--bogus=1'], message: 'unknown option --bogus' },
    { args: ['-x'], message: 'unknown option -x' },
    { args: ['-o', 'bogus'], message: 'unknown option -o bogus' },
    { args: ['-o', 'bogus=1'], message: 'unknown option -o bogus' },
    { args: ['-o', 'x-'], message: 'unknown option -o x-' },
    { args: ['-o', 'ro=1'], message: 'unknown option -o ro' },
    { args: ['-o', 'noexec=1'], message: 'unknown option -o noexec' },
    { args: ['-o', 'context'], message: 'unknown option -o context' },
    { args: ['-o', 'help'], message: 'unknown option -o help' },
    { args: ['-o', 'json'], message: 'unknown option -o json' },
    { args: ['-o', 'source'], message: '-o source needs a value' },
    { args: ['-o', 'allow_other=1'], message: '-o allow_other takes no value, got "1"' },
    { args: ['-o'], message: '-o needs a value' },
    { args: ['--source'], message: '--source needs a value' },
    { args: ['--source', '--daemon'], message: '--source needs a value, got "--daemon"' },
    { args: ['--source=-x'], message: `--source: expected ${SOURCE_NAMES.join(', ')}, got "-x"` },
    { args: ['--daemon=yes'], message: '--daemon takes no value, got "yes"' },
    { args: ['--no-daemon'], message: 'unknown option --no-daemon' },
    { args: ['--cache-size', '4M'], message: '--cache-size: expected at least 8.0 MiB, got "4M"' },
    { args: ['-o', 'cache_size=4M'], message: '-o cache_size: expected at least 8.0 MiB, got "4M"' },
    { args: ['--dump', 'xyz'], message: '--dump: expected a dump tag of up to 16 hex digits' },
    { args: ['--sim-dump', '1'], message: '--sim-dump: expected TAG:SIZE' },
    { args: ['--uid', 'root'], message: '--uid: expected a whole number from 0 to 4294967294, got "root"' },
    { args: ['--spool-size', '1K'], message: '--spool-size: expected at least 1.0 MiB' },
    { args: ['--umask', '9'], message: '--umask: expected an octal mask' },
    { args: ['--sim-latency-us', '1.5'], message: '--sim-latency-us: expected a whole number' },
    { args: ['--json'], message: 'unknown option --json (see platdumpfs help mount)' },
    { verb: 'list', args: ['--daemon'], message: 'unknown option --daemon (see platdumpfs help list)' },
    { verb: 'list', args: ['-o', 'ro'], message: 'unknown option -o' },
    { verb: 'umount', args: ['--source=sim'], message: 'unknown option --source' },
  ])('$verb $args', ({ verb = 'mount', args, message }) => {
    const error = failure(verb, args);
    expect(error.message).toContain(message);
    expect(error.status).toBe(2);
    expect(error.message).not.toContain('\n');
  });
});
