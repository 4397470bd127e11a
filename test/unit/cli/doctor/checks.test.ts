import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkFeed, checkOthers, checkStateFile } from '../../../../src/cli/doctor/announcement-checks.js';
import { checkControlDirectory } from '../../../../src/cli/doctor/daemon-checks.js';
import type { Finding } from '../../../../src/cli/doctor/finding.js';
import { exitStatusOf, findingsTable } from '../../../../src/cli/doctor/finding.js';
import type { UsableSource } from '../../../../src/cli/doctor/firmware-checks.js';
import { checkNode, checkSources } from '../../../../src/cli/doctor/firmware-checks.js';
import {
  checkMountHelper,
  checkPlace,
  checkAllowOther,
  checkPrograms,
  checkRequestTimeouts,
  checkTransports,
} from '../../../../src/cli/doctor/fuse-checks.js';
import { checkLockdown } from '../../../../src/cli/doctor/lockdown-check.js';
import { checkCoreDumps, checkSpool, checkSwap } from '../../../../src/cli/doctor/memory-checks.js';
import { parseOptions } from '../../../../src/cli/options/parse-options.js';
import { SOURCES } from '../../../../src/source/index.js';
import type { Settings } from '../../../../src/cli/options/option-table.js';

const SIM = usable('sim', { lists: true, resumable: false });
const PAPR = usable('papr', { lists: false, resumable: false });
const LIBRTAS = usable('librtas', { lists: false, resumable: true });
const OPAL = usable('opal', { lists: true, resumable: true });

function usable(name: string, abilities: UsableSource['abilities']): UsableSource {
  const definition = SOURCES.find((source) => source.name === name);
  if (definition === undefined) throw new Error(`no source ${name}`);
  return { definition, abilities };
}

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'platdumpfs-doctor-'));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function put(path: string, text = '', mode = 0o644): string {
  const whole = join(root, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, text, { mode });
  return whole;
}

function settings(...args: string[]): Settings {
  return parseOptions('doctor', args).settings;
}

describe('findings', () => {
  const fail = (check: string, exitStatus?: 3 | 4): Finding => ({
    check,
    status: 'fail',
    finding: 'x',
    ...(exitStatus === undefined ? {} : { exitStatus }),
  });
  const warn: Finding = { check: 'w', status: 'warn', finding: 'x' };

  test.each([
    { findings: [], status: 0 },
    { findings: [warn], status: 0 },
    { findings: [warn, fail('a')], status: 1 },
    { findings: [fail('a'), fail('b', 4)], status: 4 },
    { findings: [fail('a', 4), fail('b', 3), fail('c')], status: 3 },
  ])('exitStatusOf row %#: $status', ({ findings, status }) => {
    expect(exitStatusOf(findings)).toBe(status);
  });

  test('findingsTable has one line for each, with what to do', () => {
    const table = findingsTable([warn, { check: 'long', status: 'ok', finding: 'fine', remedy: 'rest' }]);
    expect(table).toBe('warn  w     x\nok    long  fine; rest\n');
  });
});

test.each([
  { version: '20.19.0', status: 'ok' },
  { version: '22.0.0', status: 'ok' },
  { version: '20.18.3', status: 'fail' },
  { version: '18.20.1', status: 'fail' },
])('checkNode($version) is $status', ({ version, status }) => {
  expect(checkNode(version).status).toBe(status);
});

describe('checkSources', () => {
  test('fails with status 3 where there is none, and names the simulator', async () => {
    const { findings, source } = await checkSources(settings(`--opal-dir=${root}/none`, '--source=opal'));
    expect(source).toBeUndefined();
    expect(findings.find(({ check }) => check === 'source-opal')).toMatchObject({
      status: 'note',
      finding: expect.stringContaining(`${root}/none`) as string,
    });
    expect(findings.at(-1)).toMatchObject({ check: 'source', status: 'fail', exitStatus: 3 });
    expect(findings.at(-1)?.remedy).toContain('--source sim');
  });

  test('takes what a mount would take', async () => {
    mkdirSync(join(root, 'dump'));
    const { findings, source } = await checkSources(settings(`--opal-dir=${root}/dump`));
    expect(source).toEqual(OPAL);
    expect(findings.at(-1)).toEqual({ check: 'source', status: 'ok', finding: 'a mount would use opal' });
  });

  test('fails for a directory that a mount could not use', async () => {
    const { findings } = await checkSources(settings('--source=sim', `--sim-dir=${root}/none`));
    expect(findings.at(-1)).toMatchObject({ check: 'source', status: 'fail' });
    expect(exitStatusOf(findings)).toBe(1);
  });
});

describe('checkLockdown', () => {
  const level = (active: string): string =>
    put('lockdown', 'none integrity confidentiality\n'.replace(active, `[${active}]`));

  test.each([
    { active: 'none', source: PAPR, status: 'ok' },
    { active: 'integrity', source: PAPR, status: 'ok' },
    { active: 'integrity', source: OPAL, status: 'ok' },
    { active: 'integrity', source: LIBRTAS, status: 'fail' },
    { active: 'confidentiality', source: PAPR, status: 'fail', exitStatus: 4 },
    { active: 'confidentiality', source: SIM, status: 'fail', exitStatus: 4 },
    { active: 'confidentiality', source: undefined, status: 'fail', exitStatus: 4 },
    { active: 'nonsense', source: PAPR, status: 'fail', exitStatus: 4 },
  ])('at $active for $source.name is $status', async ({ active, source, status, exitStatus }) => {
    const finding = await checkLockdown(settings(`--lockdown-file=${level(active)}`), source);
    expect(finding.status).toBe(status);
    expect(finding.exitStatus).toBe(exitStatus);
    if (exitStatus !== undefined) expect(finding.remedy).toBeDefined();
  });

  test('warns of --lockdown=ignore, with the level', async () => {
    const path = level('confidentiality');
    expect(await checkLockdown(settings('--lockdown=ignore', `--lockdown-file=${path}`), PAPR)).toMatchObject(
      {
        status: 'warn',
        finding: expect.stringContaining('confidentiality') as string,
      },
    );
  });

  test('fails for a file that was named and is not there', async () => {
    expect((await checkLockdown(settings(`--lockdown-file=${root}/none`), SIM)).status).toBe('fail');
  });
});

describe('fuse checks', () => {
  test('checkTransports fails where the one asked for cannot be used', () => {
    const findings = checkTransports(settings('--transport=fuse-native'), '/dev/fd/7');
    // A descriptor that is mounted already asks for no ability to mount.
    expect(findings.some(({ check }) => check === 'mount-programs')).toBe(false);
    expect(checkTransports(settings('--transport=kernel'), '').map(({ check }) => check)).toContain(
      'transport-kernel',
    );
  });

  test.each([
    { transport: 'kernel', isRoot: true, missing: ['mount', 'umount'] },
    { transport: 'kernel', isRoot: false, missing: ['fusermount3'] },
    { transport: 'fuse-native', isRoot: true, missing: ['umount'] },
    { transport: 'fuse-native', isRoot: false, missing: ['fusermount'] },
  ] as const)('checkPrograms for $transport, root: $isRoot', ({ transport, isRoot, missing }) => {
    const findings = checkPrograms(transport, isRoot, root);
    expect(findings.map(({ finding }) => finding)).toEqual(missing.map((name) => `${name} is not in PATH`));
    for (const name of ['mount', 'umount', 'fusermount', 'fusermount3']) put(name, '', 0o755);
    expect(checkPrograms(transport, isRoot, `/nowhere::${root}`)).toMatchObject([{ status: 'ok' }]);
  });

  test('checkAllowOther: a note for users, where the administrator does not allow it', () => {
    const allow = (isRoot: boolean, may: boolean): unknown[] =>
      checkAllowOther(isRoot, () => may).map(({ status }) => status);
    expect([allow(true, false), allow(false, true), allow(false, false)]).toEqual([[], ['ok'], ['note']]);
  });

  test('checkRequestTimeouts names each setting that would end a slow mount', () => {
    expect(checkRequestTimeouts(join(root, 'none')).status).toBe('ok');
    put('default_request_timeout', '0\n');
    put('max_request_timeout', '60\n');
    expect(checkRequestTimeouts(root)).toMatchObject({
      status: 'warn',
      remedy: 'sysctl fs.fuse.max_request_timeout=0',
    });
  });

  test('checkMountHelper notes that fstab needs a package', () => {
    expect(checkMountHelper([join(root, 'none')]).status).toBe('note');
    expect(checkMountHelper([put('mount.fuse')]).status).toBe('ok');
  });

  test('checkPlace takes a directory, and says what is wrong with anything else', async () => {
    expect(await checkPlace(root, settings())).toMatchObject({ status: 'ok' });
    expect(await checkPlace(put('file'), settings())).toMatchObject({
      status: 'fail',
      finding: expect.stringContaining('is not a directory') as string,
    });
    expect(await checkPlace(root, settings(`--spool=${root}/spool`))).toMatchObject({
      status: 'fail',
      finding: expect.stringContaining('would be hidden') as string,
    });
  });
});

describe('what else deals with dumps', () => {
  test('the original extract_platdump is warned of', () => {
    put('usr/sbin/rtas_errd', '', 0o755);
    expect(checkOthers(PAPR, root)).toMatchObject([{ check: 'extract_platdump', status: 'ok' }]);
    put('usr/sbin/extract_platdump', 'ELF', 0o755);
    expect(checkOthers(PAPR, root)).toMatchObject([{ check: 'extract_platdump', status: 'warn' }]);
    put('usr/sbin/extract_platdump', '# extract_platdump of platdumpfs', 0o755);
    expect(checkOthers(PAPR, root)).toMatchObject([{ check: 'extract_platdump', status: 'ok' }]);
  });

  test('opal_errd is warned of where OPAL’s dumps would be served', () => {
    put('proc/17/comm', 'opal_errd\n');
    expect(checkOthers(OPAL, root).map(({ status }) => status)).toEqual(['ok', 'warn']);
    expect(checkOthers(PAPR, root)).toHaveLength(1);
  });

  test('checkFeed says what would be listened to', () => {
    const log = put('platform');
    expect(checkFeed(settings('--events=off'), PAPR).status).toBe('note');
    expect(checkFeed(settings(`--platform-log=${log}`), PAPR)).toMatchObject({ status: 'ok' });
    expect(checkFeed(settings('--events=log', `--platform-log=${root}/none`), PAPR).status).toBe('warn');
    expect(checkFeed(settings('--events=proc', `--error-log=${root}/none`), PAPR).status).toBe('warn');
  });

  test('checkStateFile needs a directory for it', () => {
    expect(checkStateFile(settings()).status).toBe('note');
    expect(checkStateFile(settings(`--state-file=${root}/tags`)).status).toBe('ok');
    expect(checkStateFile(settings(`--state-file=${root}/none/tags`))).toMatchObject({
      status: 'warn',
      remedy: `make ${root}/none a directory that this user may write`,
    });
  });
});

describe('where bytes of dumps may stay', () => {
  test('checkSpool makes no directory, wants a private one', () => {
    const spool = join(root, 'a/b');
    expect(checkSpool(settings(`--spool=${spool}`, '--spool-size=1M'), PAPR).status).toBe('ok');
    expect(() => {
      chmodSync(spool, 0o700);
    }).toThrow('ENOENT');
    mkdirSync(spool, { recursive: true });
    chmodSync(spool, 0o777);
    expect(checkSpool(settings(`--spool=${spool}`), PAPR)).toMatchObject({ check: 'spool', status: 'fail' });
  });

  test('checkSpool needs none where the source resumes, or none is wanted', () => {
    expect(checkSpool(settings(), LIBRTAS)).toMatchObject({
      status: 'ok',
      finding: 'none: the source resumes',
    });
    expect(checkSpool(settings('--spool=none'), PAPR)).toMatchObject({
      status: 'ok',
      finding: 'none: as told',
    });
  });

  test.each([
    { swaps: '', source: PAPR, status: 'ok' },
    { swaps: '/dev/zram0 partition 1 0 100\n', source: PAPR, status: 'ok' },
    { swaps: '/dev/sda2\tpartition\t1\t0\t-2\n', source: PAPR, status: 'warn' },
    { swaps: '/dev/sda2\tpartition\t1\t0\t-2\n', source: SIM, status: 'note' },
  ])('checkSwap of $swaps for $source.name is $status', ({ swaps, source, status }) => {
    put('swaps', `Filename\tType\tSize\tUsed\tPriority\n${swaps}`);
    expect(checkSwap(source, root).status).toBe(status);
  });

  const handler = '|/usr/lib/systemd/systemd-coredump %P %u';
  test.each([
    { pattern: 'core', limit: '0', protection: 'none', source: PAPR, status: 'ok' },
    { pattern: 'core', limit: 'unlimited', protection: 'none', source: PAPR, status: 'warn' },
    { pattern: 'core', limit: '1024', protection: 'none', source: SIM, status: 'note' },
    { pattern: 'core', limit: 'unlimited', protection: 'limited', source: PAPR, status: 'ok' },
    { pattern: handler, limit: '0', protection: 'none', source: PAPR, status: 'warn' },
    { pattern: handler, limit: '1', protection: 'none', source: PAPR, status: 'ok' },
    { pattern: handler, limit: 'unlimited', protection: 'limited', source: PAPR, status: 'ok' },
    { pattern: '@/run/coredump.socket', limit: '1', protection: 'limited', source: PAPR, status: 'warn' },
    {
      pattern: '@/run/coredump.socket',
      limit: 'unlimited',
      protection: 'closed',
      source: PAPR,
      status: 'ok',
    },
  ] as const)(
    'checkCoreDumps of $pattern with limit $limit, $protection, for $source.name is $status',
    ({ pattern, limit, protection, source, status }) => {
      put('self/limits', `Limit  Soft  Hard\nMax core file size        ${limit}   unlimited   bytes\n`);
      put('sys/kernel/core_pattern', `${pattern}\n`);
      const finding = checkCoreDumps(source, root, protection);
      expect(finding.status).toBe(status);
      if (pattern === handler)
        expect(finding.finding).toContain('a program (/usr/lib/systemd/systemd-coredump)');
    },
  );
});

test('checkControlDirectory wants a private place', () => {
  expect(checkControlDirectory(join(root, 'none')).status).toBe('ok');
  chmodSync(root, 0o700);
  expect(checkControlDirectory(root).status).toBe('ok');
  chmodSync(root, 0o777);
  expect(checkControlDirectory(root)).toMatchObject({ status: 'warn', remedy: `chmod 700 ${root}` });
});
