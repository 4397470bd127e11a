import { describe, expect, test } from 'vitest';
import { dropPages, MIB } from '../support/all-sizes.js';
import { generatedDump, sha256 } from '../support/expected-dump.js';
import type { TracedCall } from '../support/mounted.js';
import { KERNEL_CELLS, Mounted } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';

const READERS = 4;

function bytesIn(calls: readonly TracedCall[]): number {
  return calls.reduce((sum, { bytes }) => sum + bytes, 0);
}

describe.each(KERNEL_CELLS)('readers of one dump, $transport, $discipline', (cell) => {
  // Past the page cache of the kernel, each reader asks the daemon for every byte; its own cache has to hold them then.
  test.each([
    { how: 'cat', sizeMib: 40, command: (path: string) => ['cat', path] },
    {
      how: 'dd iflag=direct',
      sizeMib: 40,
      command: (path: string) => ['dd', `if=${path}`, 'bs=1M', 'iflag=direct', 'status=none'],
    },
  ])(
    `${READERS} x $how of $sizeMib MiB at once cost one pass of firmware calls`,
    async ({ sizeMib, command }) => {
      await using mounted = new Mounted(cell);
      const dump = generatedDump(0x2_0000_0001n, sizeMib * MIB);
      await mounted.start(`--sim-dump=${dump.name}:${dump.size}`, `--trace-rtas=${mounted.tracePath}`);
      const [program, ...args] = command(mounted.at(dump.name)) as [string, ...string[]];

      const readers = await Promise.all(Array.from({ length: READERS }, () => runTool(program, args)));

      for (const { status, sha256: hash } of readers)
        expect({ status, hash }).toEqual({ status: 0, hash: sha256(dump) });
      const calls = await mounted.trace();
      expect(bytesIn(calls)).toBe(dump.size);
      expect(calls).toHaveLength(dump.size / 4096);
    },
  );

  test('a later reader is served by the kernel, another one behind it by the daemon: no call more', async () => {
    await using mounted = new Mounted(cell);
    const dump = generatedDump(0x2_0000_0001n, 8 * MIB);
    await mounted.start(`--sim-dump=${dump.name}:${dump.size}`, `--trace-rtas=${mounted.tracePath}`);
    for (const prepare of [
      () => Promise.resolve(),
      () => Promise.resolve(),
      () => dropPages(mounted.at(dump.name)),
    ]) {
      await prepare();
      const { sha256: hash } = await mustRun('cat', [mounted.at(dump.name)]);
      expect(hash).toBe(sha256(dump));
    }
    expect(bytesIn(await mounted.trace())).toBe(dump.size);
  });
});
