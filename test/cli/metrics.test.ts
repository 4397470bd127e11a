import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { METRICS } from '../../src/cli/metrics/metric-table.js';
import { findPromtool } from '../support/promtool.js';
import { Workshop } from './program.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const TAG = '0x0000000200000001';
const UNLOCKED = '[none] integrity confidentiality\n';
const LOCKED = 'none integrity [confidentiality]\n';
const promtool = findPromtool();
const skipped =
  promtool === undefined ? ' (skipped: no promtool, and apt-get download prometheus fails)' : '';

let workshop: Workshop;
beforeEach(() => {
  workshop = new Workshop();
});
afterEach(() => workshop[Symbol.asyncDispose]());

function printed(...args: string[]): string {
  const { status, stdout, stderr } = workshop.run('metrics', ...args);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/** Samples without the label that all of them have. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [, name = '', value = ''] = /^(.*) (\S+)$/.exec(line) ?? [];
      return [name.replace(/,?mountpoint="[^"]*"/, '').replace('{}', ''), Number(value)];
    }),
  );
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name);
}

describe('metrics of a running mount', () => {
  test('count what was read, called, refused and removed', async () => {
    await workshop.mount(`--sim-dump=${TAG}:1MiB`, '--sim-dump=7:10000', `--spool=${workshop.path('spool')}`);
    const before = samplesOf(printed());
    expect(before.get('platdumpfs_dumps_waiting')).toBe(2);
    expect(before.get('platdumpfs_dumps_bytes')).toBe(1024 ** 2 + 10_000);
    expect(before.get('platdumpfs_firmware_bytes_total')).toBe(0);
    expect(workshop.exec('rm', ['-f', join(workshop.mountpoint, TAG)]).status).toBe(1);
    expect(workshop.exec('cp', [join(workshop.mountpoint, TAG), workshop.path('copy')]).status).toBe(0);
    expect(workshop.exec('rm', [join(workshop.mountpoint, TAG)]).status).toBe(0);
    const after = samplesOf(printed());
    const value = (name: string): number => after.get(name) ?? NaN;
    expect(value('platdumpfs_dumps_waiting')).toBe(1);
    expect(value('platdumpfs_dumps_bytes')).toBe(10_000);
    expect(value('platdumpfs_oldest_dump_age_seconds')).toBeGreaterThan(0);
    expect(value('platdumpfs_firmware_bytes_total')).toBe(1024 ** 2);
    expect(value('platdumpfs_read_bytes_total')).toBe(1024 ** 2);
    expect(value('platdumpfs_firmware_calls_total{operation="read",status="complete"}')).toBe(1);
    expect(value('platdumpfs_firmware_calls_total{operation="read",status="continue"}')).toBeGreaterThan(255);
    expect(
      value('platdumpfs_firmware_call_seconds_total{operation="read",status="continue"}'),
    ).toBeGreaterThan(0);
    expect(value('platdumpfs_firmware_calls_total{operation="invalidate",status="complete"}')).toBe(1);
    expect(value('platdumpfs_errors_total{errno="EBUSY"}')).toBe(1);
    expect(value('platdumpfs_removals_total{result="removed"}')).toBe(1);
  });

  test('are those of the table, and nothing else', async () => {
    await workshop.mount(`--sim-dump=${TAG}:1MiB`, `--spool=${workshop.path('spool')}`);
    workshop.exec('stat', [join(workshop.mountpoint, 'no such dump')]);
    const text = printed();
    expect(namesIn(text)).toEqual(METRICS.map(({ name }) => name));
    for (const { name, type, help } of METRICS) {
      expect(text).toContain(`# HELP ${name} ${help}\n`);
      expect(text).toContain(`# TYPE ${name} ${type}\n`);
    }
    for (const sample of samplesOf(text).keys()) {
      const [, name = '', labels = ''] = /^(\w+)\{?(.*?)\}?$/.exec(sample) ?? [];
      const used = [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label);
      expect({ name, used }).toEqual({
        name,
        used: METRICS.find((each) => each.name === name)?.labels ?? [],
      });
    }
  });

  test(`are what promtool takes for clean${skipped}`, async ({ skip }) => {
    if (promtool === undefined) skip();
    await workshop.mount(`--sim-dump=${TAG}:1MiB`, `--spool=${workshop.path('spool')}`);
    const result = spawnSync(promtool ?? '', ['check', 'metrics'], { input: printed(), encoding: 'utf8' });
    expect({ status: result.status, said: result.stdout + result.stderr }).toEqual({ status: 0, said: '' });
  });

  test('are told over the control socket as well', async () => {
    await workshop.mount(`--sim-dump=${TAG}:1MiB`);
    const [socket = ''] = readdirSync(workshop.path('run'));
    const args = [
      '-sS',
      '-i',
      '--unix-socket',
      join(workshop.path('run'), socket),
      'http://localhost/metrics',
    ];
    const { stdout } = workshop.exec('curl', args);
    expect(stdout).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(stdout).toContain('text/plain; version=0.0.4');
    expect(stdout).toContain('platdumpfs_dumps_waiting{');
  });

  test('tell nothing of a dump at lockdown', async () => {
    const level = workshop.path('lockdown');
    writeFileSync(level, UNLOCKED);
    const running = await workshop.mount(`--sim-dump=${TAG}:1MiB`, `--lockdown-file=${level}`);
    expect(samplesOf(printed()).get('platdumpfs_dumps_hidden')).toBe(0);
    writeFileSync(level, LOCKED);
    await running.said('locked down');
    const text = printed();
    expect(namesIn(text)).toEqual([
      'platdumpfs_up',
      'platdumpfs_build_info',
      'platdumpfs_lockdown_level',
      'platdumpfs_dumps_hidden',
    ]);
    const samples = samplesOf(text);
    expect(samples.get('platdumpfs_dumps_hidden')).toBe(1);
    expect(samples.get('platdumpfs_lockdown_level{level="confidentiality"}')).toBe(1);
    expect(samples.get('platdumpfs_lockdown_level{level="none"}')).toBe(0);
  });
});

describe('metrics --output', () => {
  test('replaces the file in one step, for others to read', async () => {
    await workshop.mount(`--sim-dump=${TAG}:1MiB`);
    const file = workshop.path('platdumpfs.prom');
    writeFileSync(file, 'old', { mode: 0o600 });
    const { ino } = statSync(file);
    expect(printed(`--output=${file}`)).toBe('');
    expect(readFileSync(file, 'utf8')).toContain('platdumpfs_dumps_waiting{');
    expect(statSync(file).mode & 0o777).toBe(0o644);
    expect(statSync(file).ino).not.toBe(ino);
    expect(readdirSync(workshop.directory).filter((name) => name.startsWith('platdumpfs.prom'))).toHaveLength(
      1,
    );
  });

  test('says of a place that nobody serves that it is down', () => {
    const file = workshop.path('platdumpfs.prom');
    const result = workshop.run('metrics', workshop.mountpoint, `--output=${file}`);
    expect(result.status).toBe(1);
    expect(result.stderr).toBe(`platdumpfs: no platdumpfs of this user serves ${workshop.mountpoint}\n`);
    expect(readFileSync(file, 'utf8')).toContain(`platdumpfs_up{mountpoint="${workshop.mountpoint}"} 0\n`);
  });

  test('says in one line that a file cannot be written, and leaves no other', async () => {
    await workshop.mount(`--sim-dump=${TAG}:1MiB`);
    const file = workshop.path('no/such/directory.prom');
    const result = workshop.run('metrics', `--output=${file}`);
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^platdumpfs: .*directory\.prom cannot be written: [^\n]+\n$/);
    expect(existsSync(workshop.path('no'))).toBe(false);
  });
});

describe('what is shipped for monitoring', () => {
  test('docs/metrics.md has the table of the program', () => {
    const rows = [...readFileSync(join(root, 'docs/metrics.md'), 'utf8').matchAll(/^\| `platdumpfs_.*$/gm)];
    expect(rows.map(([row]) => row)).toEqual(
      METRICS.map(({ name, type, unit, labels = [], help, isAlwaysShown }) => {
        const columns = [`\`${name}\``, type, unit, labels.map((label) => `\`${label}\``).join(', '), help];
        return `| ${[...columns, isAlwaysShown ? 'always' : ''].join(' | ')} |`.replaceAll('|  |', '| |');
      }),
    );
  });

  test.each(['platdumpfs.rules.yml', 'platdumpfs-dashboard.json'])(
    '%s asks for metrics that exist',
    (file) => {
      const text = readFileSync(join(root, 'packaging/monitoring', file), 'utf8');
      const queries = file.endsWith('.json')
        ? queriesIn(JSON.parse(text))
        : [...text.matchAll(/expr: (.*)/g)].map(String);
      expect(queries.length).toBeGreaterThan(5);
      const used = new Set(queries.flatMap((query) => query.match(/\b(?:platdumpfs|node)_\w+/g) ?? []));
      const known = new Set([...METRICS.map(({ name }) => name), 'node_textfile_mtime_seconds']);
      expect([...used].filter((name) => !known.has(name))).toEqual([]);
    },
  );

  test(`the alert rules are what promtool takes for valid${skipped}`, ({ skip }) => {
    if (promtool === undefined) skip();
    const file = join(root, 'packaging/monitoring/platdumpfs.rules.yml');
    const result = spawnSync(promtool ?? '', ['check', 'rules', file], { encoding: 'utf8' });
    expect(result.stdout + result.stderr).toContain('SUCCESS: 7 rules found');
    expect(result.status).toBe(0);
  });
});

/** Every `expr`, and the queries of variables. */
function queriesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    (key === 'expr' || key === 'query') && typeof inner === 'string' ? [inner] : queriesIn(inner),
  );
}
