import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Workshop } from './program.js';

const NAME = '0x0000000200000001';

let workshop: Workshop;

beforeEach(() => {
  workshop = new Workshop();
});

afterEach(() => workshop[Symbol.asyncDispose]());

describe('info', () => {
  test('shows what the mount knows, as JSON and for people, in any spelling of the tag', async () => {
    await workshop.mount('--sim-dump=200000001:64KiB');
    const path = `${workshop.mountpoint}/${NAME}`;
    const json = workshop.run('info', '200000001', '--json');
    expect(JSON.parse(json.stdout)).toEqual({
      tag: NAME,
      path,
      type: 'platform',
      size: 65536,
      sizeOrigin: 'announced',
      state: 'new',
      delivered: 0,
      firstSeen: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
      source: 'sim',
      name: null,
      sha256: null,
    });
    workshop.exec('getfattr', ['-d', path]);
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    const { status, stdout } = workshop.run('info', NAME, `--mountpoint=${workshop.mountpoint}`);
    expect(status).toBe(0);
    expect(stdout).toContain(`path        ${path}\n`);
    expect(stdout).toContain('size        65536 B (64.0 KiB), announced\n');
    expect(stdout).toContain('state       complete\n');
    expect(stdout).toMatch(/^name {8}SYSDUMP\.\S+$/m);
    expect(stdout).toContain(`sha256      ${sha256}\n`);
    expect(JSON.parse(workshop.run('info', NAME, '--json').stdout)).toMatchObject({ sha256 });
    expect(JSON.parse(workshop.run('list', '--json').stdout)).toMatchObject([{ sha256 }]);
  });

  test('says how to ask firmware for a dump that is not listed', async () => {
    await workshop.mount('--sim-dump=1:4K');
    const { status, stdout, stderr } = workshop.run('info', '2');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toBe(
      `platdumpfs: no dump 0x0000000000000002 is listed at ${workshop.mountpoint}; ` +
        `stat ${workshop.mountpoint}/0x0000000000000002 asks firmware for it\n`,
    );
  });

  test('shows nothing at lockdown', async () => {
    const level = workshop.path('lockdown');
    writeFileSync(level, '[none] integrity confidentiality\n');
    await workshop.mount('--sim-dump=1:4K', `--lockdown-file=${level}`);
    writeFileSync(level, 'none integrity [confidentiality]\n');
    const { status, stdout, stderr } = workshop.run('info', '1', '--json');
    expect({ status, stdout }).toEqual({ status: 4, stdout: '' });
    expect(stderr).toMatch(/^platdumpfs: locked down[^\n]*\n$/);
  });

  test.each([
    { args: [], status: 2, says: 'info takes one TAG, got 0 arguments' },
    { args: ['1', '2'], status: 2, says: 'info takes one TAG, got 2 arguments' },
    { args: ['core'], status: 2, says: 'got "core"' },
    { args: ['1'], status: 1, says: 'no platdumpfs of this user runs' },
    { args: ['1', '--mountpoint=/nowhere'], status: 1, says: 'no platdumpfs of this user serves /nowhere' },
  ])('$args: $says', ({ args, status, says }) => {
    const finished = workshop.run('info', ...args);
    expect(finished).toMatchObject({ status, stdout: '' });
    expect(finished.stderr).toContain(says);
  });
});
