import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { epochMs, sampleBytes } from '../support/bare.js';
import { CELLS, Mounted } from '../support/mounted.js';
import { SyscallClient } from '../support/syscall-client.js';
import type { Unlink } from '../support/trace-checker.js';

const BYTES = sampleBytes(3 * 65_536 + 5, 4);
const PLACES = [0, 98_304, BYTES.length - 5, 'invalidate'] as const;
const BYSTANDER = '0x0000000200000001';

/** Statuses, and whether somebody hears of them. */
const FAULTS = [
  { status: -1, isHeard: true },
  { status: 77, isHeard: true },
  { status: -9002, isHeard: true },
  { status: -2, isHeard: false },
  { status: 9901, isHeard: false },
];

interface Faulty {
  readonly name: string;
  readonly status: number;
  readonly isHeard: boolean;
  readonly at: (typeof PLACES)[number];
}

const DUMPS: readonly Faulty[] = FAULTS.flatMap((fault) => PLACES.map((at) => ({ ...fault, at }))).map(
  (fault, index) => ({ ...fault, name: `0x00000002000001${String(index).padStart(2, '0')}` }),
);

/** The rows of docs/faults.md that need no driver of their own, through the kernel. */
describe.each(CELLS)('faults through a mount, $transport, $discipline', (cell) => {
  test('each is logged, passes, spares the dump beside it, and none invalidates', async () => {
    const unlinks: Unlink[] = [];
    await using mounted = new Mounted(cell);
    mounted.facts = { unlinks };
    const put = (name: string, faults: readonly object[]): void => {
      writeFileSync(join(mounted.simDir, name), BYTES);
      writeFileSync(join(mounted.simDir, `${name}.json`), JSON.stringify({ faults, chunk: 4096 }));
    };
    put(BYSTANDER, []);
    // Twice: the kernel itself asks again for a page that failed.
    for (const { name, status, at } of DUMPS) put(name, [{ at, status, times: 3 }]);
    await mounted.start(`--sim-dir=${mounted.simDir}`, `--trace-rtas=${mounted.tracePath}`);
    using user = new SyscallClient();
    const invalidated = (name: string): boolean => existsSync(join(mounted.simDir, `${name}.invalidated`));
    const remove = async (name: string): Promise<string> => {
      const call: Unlink = { tag: name, beganAtMs: epochMs() };
      unlinks.push(call);
      const { errno } = await user.call('rm', mounted.at(name));
      call.endedAtMs = epochMs();
      return errno ?? 'done';
    };
    const read = async (name: string): Promise<string> => {
      const { value, errno } = await user.call('cat', mounted.at(name));
      return value?.bytes === BYTES.length ? 'whole' : (errno ?? 'short');
    };

    for (const { name, status, at, isHeard } of DUMPS) {
      const what = `${status} at ${at}`;
      const words: string[] = [];
      while (words.length < 8 && words.at(-1) !== 'whole') words.push(await read(name));
      expect(words, what).not.toContain('short');
      const isElsewhere = status === -9002 && at !== 'invalidate';
      expect(invalidated(name), what).toBe(false);
      if (!isElsewhere) expect(words.at(-1), what).toBe('whole');
      if (!isHeard) expect(words, what).toEqual(['whole']);
      if (words.at(-1) === 'whole') {
        const removals: string[] = [];
        while (removals.length < 5 && removals.at(-1) !== 'done') removals.push(await remove(name));
        expect(removals.at(-1), what).toBe('done');
        if (isHeard && at === 'invalidate') expect(removals.length, what).toBe(4);
      }
      expect(invalidated(name), what).toBe(words.at(-1) === 'whole');
      const lines = mounted.daemon.log.filter((line) => line['tag'] === name && line.level === 'warn');
      if (isHeard) expect(lines.length, `${what} is logged`).toBeGreaterThan(0);
      else expect(lines, what).toEqual([]);
    }
    expect(await read(BYSTANDER)).toBe('whole');
    expect(invalidated(BYSTANDER)).toBe(false);
  }, 120_000);
});
