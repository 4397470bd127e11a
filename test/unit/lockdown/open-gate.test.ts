import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Logger } from '../../../src/base/log.js';
import { createLogger } from '../../../src/base/log.js';
import type { LockdownGateOptions } from '../../../src/lockdown/index.js';
import { openLockdownGate } from '../../../src/lockdown/index.js';

const OPEN = '[none] integrity confidentiality\n';
const INTEGRITY = 'none [integrity] confidentiality\n';
const LOCKED = 'none integrity [confidentiality]\n';
const NEVER_MS = 2 ** 30;

let dir: string;
let path: string;
let lines: string[];
let log: Logger;
const opened: Disposable[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'platdumpfs-gate-'));
  path = join(dir, 'lockdown');
  lines = [];
  log = createLogger({ level: 'debug', format: 'text', write: (line) => lines.push(line) });
});

afterEach(() => {
  for (const gate of opened.splice(0)) gate[Symbol.dispose]();
  rmSync(dir, { recursive: true });
});

/** Without a watch that matters: only `locked()` looks. */
function open(options: Partial<LockdownGateOptions> = {}): ReturnType<typeof openLockdownGate> {
  const gate = openLockdownGate({
    mode: 'enforce',
    path,
    requireKnown: true,
    watchIntervalMs: NEVER_MS,
    log,
    ...options,
  });
  opened.push(gate);
  return gate;
}

function replace(text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
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
  ])('locked() is $locked for $text', ({ text, locked }) => {
    writeFileSync(path, text);
    expect(open().locked()).toBe(locked);
  });

  test('a rise shows at the next question', () => {
    writeFileSync(path, OPEN);
    const gate = open();
    expect(gate.locked()).toBe(false);
    writeFileSync(path, LOCKED);
    expect(gate.locked()).toBe(true);
    expect(gate.reason).toBe('kernel lockdown is at confidentiality');
  });

  test('a level never goes down', () => {
    writeFileSync(path, LOCKED);
    const gate = open();
    writeFileSync(path, OPEN);
    expect(gate.locked()).toBe(true);
  });

  test('a file that was renamed over is read at the next question', () => {
    writeFileSync(path, OPEN);
    const gate = open();
    replace(INTEGRITY);
    expect(gate.locked()).toBe(false);
    replace(LOCKED);
    expect(gate.locked()).toBe(true);
  });

  test('a file that disappears locks', () => {
    writeFileSync(path, OPEN);
    const gate = open();
    rmSync(path);
    expect(gate.locked()).toBe(true);
    expect(gate.reason).toBe(`${path} has disappeared`);
  });

  test('a file that becomes unparsable locks and says what it read', () => {
    writeFileSync(path, OPEN);
    const gate = open();
    appendFileSync(path, 'x');
    expect(gate.locked()).toBe(true);
    expect(gate.reason).toContain('which is no lockdown level');
  });

  test('a directory in its place locks', () => {
    const gate = open({ path: dir });
    expect(gate.locked()).toBe(true);
    expect(gate.reason).toContain('EISDIR');
  });

  test('a path that cannot be opened locks', () => {
    symlinkSync('lockdown', path);
    const gate = open();
    expect(gate.locked()).toBe(true);
    expect(gate.reason).toContain('ELOOP');
  });

  test('one descriptor is kept while open, none once locked', () => {
    writeFileSync(path, OPEN);
    const gate = open();
    for (let i = 0; i < 100; i++) gate.locked();
    expect(descriptorsOf(path)).toBe(1);
    writeFileSync(path, LOCKED);
    gate.locked();
    expect(descriptorsOf(path)).toBe(0);
  });

  test('disposing gives the descriptor back', () => {
    writeFileSync(path, OPEN);
    open()[Symbol.dispose]();
    expect(descriptorsOf(path)).toBe(0);
  });
});

describe('onRise', () => {
  test('calls back once, from the question that sees it first', () => {
    writeFileSync(path, OPEN);
    const gate = open();
    const listener = vi.fn();
    gate.onRise(listener);
    gate.locked();
    expect(listener).not.toHaveBeenCalled();
    writeFileSync(path, LOCKED);
    gate.locked();
    gate.locked();
    expect(listener).toHaveBeenCalledOnce();
  });

  test('calls back from the watch when nobody asks', async () => {
    writeFileSync(path, OPEN);
    const gate = open({ watchIntervalMs: 5 });
    const risen = new Promise<void>((resolve) => gate.onRise(resolve));
    writeFileSync(path, LOCKED);
    await risen;
    expect(gate.locked()).toBe(true);
  });

  test('the watch sees a replacement that keeps the old file linked', async () => {
    writeFileSync(path, OPEN);
    const gate = open({ watchIntervalMs: 5 });
    const risen = new Promise<void>((resolve) => gate.onRise(resolve));
    renameSync(path, `${path}.old`);
    writeFileSync(path, LOCKED);
    await risen;
    expect(gate.reason).toBeDefined();
  });

  test('tells a subscriber that comes after the rise', async () => {
    writeFileSync(path, LOCKED);
    const gate = open();
    await new Promise<void>((resolve) => gate.onRise(resolve));
    expect(gate.locked()).toBe(true);
  });

  test('does not tell whoever unsubscribed, before or after the rise', async () => {
    writeFileSync(path, OPEN);
    const gate = open();
    const listener = vi.fn();
    gate.onRise(listener)();
    writeFileSync(path, LOCKED);
    gate.locked();
    gate.onRise(listener)();
    await Promise.resolve();
    expect(listener).not.toHaveBeenCalled();
  });

  test("one subscriber's failure does not keep the next from hearing, and is logged", () => {
    writeFileSync(path, OPEN);
    const gate = open();
    const next = vi.fn();
    gate.onRise(() => {
      throw new Error('first failed');
    });
    gate.onRise(next);
    writeFileSync(path, LOCKED);
    expect(gate.locked()).toBe(true);
    expect(next).toHaveBeenCalledOnce();
    expect(lines.join('')).toContain('first failed');
  });
});

describe('a level file that is not there', () => {
  const securityfs = (): string => `23 22 0:6 / ${dir} rw - securityfs securityfs rw\n`;
  const elsewhere = '22 27 0:21 / /sys rw - sysfs sysfs rw\n';
  const system = (mountinfo: string): NonNullable<LockdownGateOptions['system']> => ({
    lockdownFile: path,
    mountinfo,
  });

  test('means unlocked inside a securityfs: this kernel has no lockdown', () => {
    expect(open({ path: undefined, system: system(securityfs()) }).locked()).toBe(false);
  });

  test('means unlocked for a chosen path inside a securityfs, too', () => {
    expect(open({ system: system(securityfs()) }).locked()).toBe(false);
  });

  test('is an error where the level must be known, and says which path to bind', () => {
    const start = (): unknown => open({ path: undefined, system: system(elsewhere) });
    expect(start).toThrow(`bind the host's ${path}`);
    expect(start).toThrow('--lockdown=ignore');
  });

  test('is one warning where it need not be known', () => {
    expect(open({ path: undefined, requireKnown: false, system: system(elsewhere) }).locked()).toBe(false);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^platdumpfs: warn: .*securityfs is not mounted/);
  });

  test.each([true, false])('is an error for a chosen path (requireKnown %s)', (requireKnown) => {
    expect(() => open({ requireKnown })).toThrow(`lockdown file "${path}" does not exist`);
  });

  test('is an error for a chosen path below a file', () => {
    writeFileSync(path, OPEN);
    expect(() => open({ path: join(path, 'lockdown') })).toThrow('does not exist');
  });

  test('counts from the moment it appears', async () => {
    const gate = open({ path: undefined, watchIntervalMs: 5, system: system(securityfs()) });
    const risen = new Promise<void>((resolve) => gate.onRise(resolve));
    replace(LOCKED);
    await risen;
    expect(gate.locked()).toBe(true);
  });

  test('locks when it appeared and went again', async () => {
    const gate = open({ path: undefined, watchIntervalMs: 5, system: system(securityfs()) });
    const risen = new Promise<void>((resolve) => gate.onRise(resolve));
    replace(OPEN);
    await vi.waitUntil(() => descriptorsOf(path) === 1);
    rmSync(path);
    await risen;
    expect(gate.reason).toBe(`${path} has disappeared`);
  });
});

test('mode ignore opens at every level and is logged', () => {
  writeFileSync(path, LOCKED);
  expect(open({ mode: 'ignore' }).locked()).toBe(false);
  expect(lines.join('')).toMatch(/warn: kernel lockdown is ignored/);
});
