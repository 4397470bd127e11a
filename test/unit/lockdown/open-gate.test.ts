import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Logger } from '../../../src/base/log.js';
import { createLogger } from '../../../src/base/log.js';
import type { ExplainedGate, LockdownGateOptions } from '../../../src/lockdown/index.js';
import { KERNEL_LOCKDOWN_FILE, openLockdownGate, readLockdownLevel } from '../../../src/lockdown/index.js';
import { PATIENCE } from '../../support/patience.js';

const OPEN = '[none] integrity confidentiality\n';
const INTEGRITY = 'none [integrity] confidentiality\n';
const LOCKED = 'none integrity [confidentiality]\n';
const NEVER_MS = 2 ** 30;

let dir: string;
let path: string;
let lines: string[];
let log: Logger;
const opened: ExplainedGate[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'platdumpfs-gate-'));
  path = join(dir, 'lockdown');
  lines = [];
  log = createLogger({ level: 'debug', format: 'text', write: (line) => lines.push(line) });
});

afterEach(async () => {
  for (const gate of opened.splice(0)) await gate[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

async function open(options: Partial<LockdownGateOptions> = {}): Promise<ExplainedGate> {
  const gate = await openLockdownGate({ mode: 'enforce', path, requireKnown: true, log, ...options });
  opened.push(gate);
  return gate;
}

/** As on a real machine: this thread reads an open file by itself, as if `dir` were in a securityfs. */
function bySelf(): NonNullable<LockdownGateOptions['system']> {
  return { ownType: statfsSync(dir).type };
}

/** Resolves at the rise; whoever waits for it longer than the test may take is told by that. */
function rise(gate: ExplainedGate): Promise<void> {
  return new Promise((resolve) => gate.onRise(resolve));
}

function replace(text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** In place, as the kernel's own changes: at no moment is there anything else. */
function rewrite(text: string): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, text, 0);
  closeSync(fd);
}

function descriptorsOf(file: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith(file)).length;
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

describe('a level file that is there', () => {
  test.each([
    { text: OPEN, locked: false },
    { text: INTEGRITY, locked: false },
    { text: LOCKED, locked: true },
    { text: '', locked: true },
    { text: 'none integrity confidentiality\n', locked: true },
    { text: `${OPEN.trim()}${' integrity'.repeat(100)}\n`, locked: true },
  ])('locked() is $locked for $text', async ({ text, locked }) => {
    writeFileSync(path, text);
    expect((await open()).locked()).toBe(locked);
  });

  test('a rise shows at the next question', async () => {
    writeFileSync(path, OPEN);
    const gate = await open();
    expect(gate.locked()).toBe(false);
    writeFileSync(path, LOCKED);
    expect(gate.locked()).toBe(true);
    expect(gate.reason).toBe('kernel lockdown is at confidentiality');
  });

  test('a rise shows at the next question to a file that this thread reads by itself', async () => {
    writeFileSync(path, OPEN);
    const gate = await open({ watchIntervalMs: NEVER_MS, system: bySelf() });
    expect(gate.locked()).toBe(false);
    rewrite(LOCKED);
    expect(gate.locked()).toBe(true);
    expect(gate.reason).toBe('kernel lockdown is at confidentiality');
  });

  test('a file that is mounted or renamed over another one that this thread reads counts soon', async () => {
    writeFileSync(path, OPEN);
    const gate = await open({ watchIntervalMs: 20, system: bySelf() });
    renameSync(path, `${path}.old`);
    writeFileSync(`${path}.new`, LOCKED);
    renameSync(`${path}.new`, path);
    await vi.waitUntil(() => gate.locked(), PATIENCE);
  });

  test('a level never goes down', async () => {
    writeFileSync(path, LOCKED);
    const gate = await open();
    writeFileSync(path, OPEN);
    expect(gate.locked()).toBe(true);
  });

  test('a file that was renamed over is read at the next question', async () => {
    writeFileSync(path, OPEN);
    const gate = await open();
    replace(INTEGRITY);
    expect(gate.locked()).toBe(false);
    replace(LOCKED);
    expect(gate.locked()).toBe(true);
  });

  test('a file that disappears locks', async () => {
    writeFileSync(path, OPEN);
    const gate = await open();
    rmSync(path);
    expect(gate.locked()).toBe(true);
    expect(gate.reason).toBe(`${path} has disappeared`);
  });

  test('a file that becomes unparsable locks, and nothing of what is in it is told', async () => {
    writeFileSync(path, OPEN);
    const gate = await open();
    appendFileSync(path, 'secret');
    expect(gate.locked()).toBe(true);
    expect(gate.reason).toBe(`${path}: it says no lockdown level`);
    expect(lines.join('')).not.toContain('secret');
  });

  // To open a FIFO would wait for somebody who writes to it, to read /dev/zero never end.
  const others: readonly { readonly what: string; readonly make: () => void }[] = [
    { what: 'a directory', make: () => mkdirSync(path) },
    { what: 'a FIFO', make: () => execFileSync('mkfifo', [path]) },
    { what: 'a link to /dev/zero', make: () => symlinkSync('/dev/zero', path) },
    { what: 'a link to a terminal', make: () => symlinkSync('/dev/ptmx', path) },
  ];
  test.each(others)('$what in its place locks, from the start', async ({ make }) => {
    make();
    const gate = await open();
    expect(gate.locked()).toBe(true);
    expect(gate.reason).toBe(`${path}: it is not a regular file`);
  });

  test.each(others)('$what that comes in its place locks', async ({ make }) => {
    writeFileSync(path, OPEN);
    const gate = await open();
    expect(gate.locked()).toBe(false);
    rmSync(path);
    make();
    expect(gate.locked()).toBe(true);
  });

  test('a huge file locks, and is not read', async () => {
    writeFileSync(path, OPEN);
    const gate = await open();
    writeFileSync(`${path}.new`, OPEN.repeat(1_000_000));
    renameSync(`${path}.new`, path);
    expect(gate.locked()).toBe(true);
  });

  test('a path that cannot be opened locks', async () => {
    symlinkSync('lockdown', path);
    const gate = await open();
    expect(gate.locked()).toBe(true);
    expect(gate.reason).toContain('ELOOP');
  });

  test.each([
    { who: 'the thread', most: 1, system: () => ({}) },
    { who: 'this thread too', most: 2, system: bySelf },
  ])('is open no more often than it is read ($who), and not at all once locked', async ({ most, system }) => {
    writeFileSync(path, OPEN);
    const gate = await open({ system: system() });
    for (let i = 0; i < 100; i++) gate.locked();
    expect(descriptorsOf(path)).toBe(most);
    rewrite(LOCKED);
    gate.locked();
    await gate[Symbol.asyncDispose]();
    expect(descriptorsOf(path)).toBe(0);
  });

  test('disposing gives the descriptor back', async () => {
    writeFileSync(path, OPEN);
    await (await open())[Symbol.asyncDispose]();
    expect(descriptorsOf(path)).toBe(0);
  });
});

describe('onRise', () => {
  test('calls back once, from the question that sees it first', async () => {
    writeFileSync(path, OPEN);
    const gate = await open();
    const listener = vi.fn();
    gate.onRise(listener);
    gate.locked();
    expect(listener).not.toHaveBeenCalled();
    writeFileSync(path, LOCKED);
    gate.locked();
    gate.locked();
    expect(listener).toHaveBeenCalledOnce();
  });

  test('calls back by inotify when nobody asks', async () => {
    writeFileSync(path, OPEN);
    const gate = await open({ watchIntervalMs: NEVER_MS });
    rewrite(INTEGRITY);
    const risen = rise(gate);
    rewrite(LOCKED);
    await risen;
    expect(gate.locked()).toBe(true);
  });

  test('does not take a text that is just being replaced for one without a level', async () => {
    writeFileSync(path, OPEN);
    const gate = await open({ watchIntervalMs: NEVER_MS });
    const risen = rise(gate);
    for (const text of [INTEGRITY, OPEN, INTEGRITY, LOCKED]) {
      // Empties it first.
      writeFileSync(path, text);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await risen;
    expect(gate.reason).toBe('kernel lockdown is at confidentiality');
  });

  test('calls back from the watch where inotify has nothing to tell', async () => {
    const there = join(dir, 'there');
    mkdirSync(there);
    writeFileSync(join(there, 'lockdown'), OPEN);
    const gate = await open({ path: join(there, 'lockdown'), watchIntervalMs: 5 });
    const risen = rise(gate);
    // The file itself stays as it is: the path leads to another one.
    const elsewhere = join(dir, 'elsewhere');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'lockdown'), LOCKED);
    renameSync(there, join(dir, 'old'));
    renameSync(elsewhere, there);
    await risen;
    expect(gate.locked()).toBe(true);
  });

  test('the watch sees a replacement that keeps the old file linked', async () => {
    writeFileSync(path, OPEN);
    const gate = await open({ watchIntervalMs: 5 });
    const risen = rise(gate);
    renameSync(path, `${path}.old`);
    writeFileSync(path, LOCKED);
    await risen;
    expect(gate.reason).toBeDefined();
  });

  test('calls back at once when it is told after the rise', async () => {
    writeFileSync(path, LOCKED);
    const gate = await open();
    await new Promise<void>((resolve) => gate.onRise(resolve));
    expect(gate.locked()).toBe(true);
  });
});

describe('a level file that is not there', () => {
  const securityfs = (): string => `23 22 0:6 / ${dir} rw - securityfs securityfs rw\n`;
  const elsewhere = '22 27 0:21 / /sys rw - sysfs sysfs rw\n';
  const system = (mountinfo: string): NonNullable<LockdownGateOptions['system']> => ({
    lockdownFile: path,
    mountinfo,
  });

  test('means unlocked inside a securityfs: this kernel has no lockdown', async () => {
    const gate = await open({ path: undefined, system: system(securityfs()) });
    expect(gate.locked()).toBe(false);
    expect(gate.level).toBeUndefined();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(path);
  });

  test('means unlocked for a chosen path inside a securityfs, too', async () => {
    expect((await open({ system: system(securityfs()) })).locked()).toBe(false);
  });

  test('is an error where the level must be known, and says which directory to bind: sysfs has no place for a file', async () => {
    const start = open({ path: undefined, system: system(elsewhere) });
    await expect(start).rejects.toThrow(`(-v ${dir}:${dir}:ro)`);
    await expect(start).rejects.toThrow('--lockdown=ignore');
  });

  test('is one warning where it need not be known', async () => {
    expect((await open({ path: undefined, requireKnown: false, system: system(elsewhere) })).locked()).toBe(
      false,
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^platdumpfs: warn: .*securityfs is not mounted/);
    expect(lines[0]).toContain(path);
  });

  test.each([true, false])('is an error for a chosen path (requireKnown %s)', async (requireKnown) => {
    await expect(open({ requireKnown })).rejects.toThrow(`lockdown file "${path}" does not exist`);
  });

  test('is an error for a chosen path below a file', async () => {
    writeFileSync(path, OPEN);
    await expect(open({ path: join(path, 'lockdown') })).rejects.toThrow('does not exist');
  });

  test('counts from the moment it appears', async () => {
    const gate = await open({ path: undefined, watchIntervalMs: 5, system: system(securityfs()) });
    const risen = rise(gate);
    replace(LOCKED);
    await risen;
    expect(gate.locked()).toBe(true);
  });

  test('locks when it appeared and went again', async () => {
    const gate = await open({ path: undefined, watchIntervalMs: 5, system: system(securityfs()) });
    const risen = rise(gate);
    replace(OPEN);
    await vi.waitUntil(() => descriptorsOf(path) === 1, PATIENCE);
    rmSync(path);
    await risen;
    expect(gate.reason).toBe(`${path} has disappeared`);
  });
});

test('mode ignore opens at every level and is logged', async () => {
  writeFileSync(path, LOCKED);
  const gate = await open({ mode: 'ignore' });
  expect(gate.locked()).toBe(false);
  expect(gate.level).toBe('ignored');
  expect(lines.join('')).toMatch(/warn: kernel lockdown is ignored/);
  await expect(gate[Symbol.asyncDispose]()).resolves.toBeUndefined();
});

test('without a path the kernel says the level, in its own place', async () => {
  expect(KERNEL_LOCKDOWN_FILE).toBe('/sys/kernel/security/lockdown');
  // Whatever this machine has there.
  await expect(open({ path: undefined, requireKnown: false })).resolves.toBeDefined();
});

test('readLockdownLevel looks once', async () => {
  expect(await readLockdownLevel(path)).toEqual({ kind: 'absent' });
  writeFileSync(path, INTEGRITY);
  expect(await readLockdownLevel(path)).toEqual({ kind: 'level', level: 'integrity' });
  expect(descriptorsOf(path)).toBe(0);
});
