import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { tagName } from '../../src/base/tag.js';
import type { DumpTag } from '../../src/base/tag.js';
import { fileDump } from '../support/expected-dump.js';
import type { Cell } from '../support/mounted.js';
import { Mounted } from '../support/mounted.js';
import { mustRun } from '../support/run-tool.js';

const SCRIPT = fileURLToPath(new URL('../support/race-readers.py', import.meta.url));
const READERS = '8';

/**
 * How often the level rises: each costs a daemon, so the suite does it a few times. Said in the environment, the promised
 * second is held to as well; a machine that is busy with other tests may take longer.
 */
const ASKED = process.env['PLATDUMPFS_LOCKDOWN_RISES'];
const RISES = Number(ASKED ?? 20);
const CACHED_LIMIT_US = ASKED === undefined ? 5_000_000 : 1_000_000;

const TRANSPORTS = ['kernel', 'fuse-native'] as const;
const LIMIT_MS = 20_000 + 10_000 * RISES;

interface Race {
  /** Microseconds from the change of the level to the beginning of the last read that succeeded. */
  readonly lateUs: number;
  readonly reads: number;
  readonly wrong: number;
  readonly errors: readonly string[];
}

/** One daemon, one rise. */
async function race(cell: Cell, mode: 'direct' | 'cached', others = 0): Promise<Race> {
  await using scene = new Mounted(cell);
  const level = join(scene.directory, 'lockdown');
  writeFileSync(level, '[none] integrity confidentiality\n');
  const dump = fileDump(scene.simDir, 0x2_0000_0001n, 2_000_000);
  for (let index = 2; index < 2 + others; index += 1)
    writeFileSync(join(scene.simDir, tagName((0x2_0000_0000n + BigInt(index)) as DumpTag)), 'x');
  await scene.start(`--sim-dir=${scene.simDir}`, `--lockdown-file=${level}`, '--cache-size=8MiB');
  if (others > 0) await mustRun('ls', ['-l', scene.mountpoint]);
  const args = [SCRIPT, mode, READERS, level, scene.at(dump.name), join(scene.simDir, dump.name)];
  return JSON.parse((await mustRun('python3', args)).stdout) as Race;
}

describe.each(TRANSPORTS)('8 readers while the level rises, %s', (transport) => {
  // What is tested lies above the discipline: the two take turns.
  const cells: readonly Cell[] = [
    { transport, discipline: 'papr' },
    { transport, discipline: 'librtas' },
  ];
  const rises = Array.from({ length: Math.ceil(RISES / 4) }, (_, rise) => cells[rise % 2]!);

  test(
    `${rises.length} times: no read that reaches the daemon succeeds if it began after the change`,
    async () => {
      for (const cell of rises) {
        const { lateUs, reads, wrong, errors } = await race(cell, 'direct');
        expect({ wrong, errors }).toEqual({ wrong: 0, errors: ['EPERM'] });
        expect(reads).toBeGreaterThan(0);
        expect(lateUs).toBeLessThan(0);
      }
    },
    LIMIT_MS,
  );

  test(
    `${rises.length} times: reads of cached pages end within a second, and are whole until then`,
    async () => {
      let worstUs = -Infinity;
      for (const cell of rises) {
        const { lateUs, wrong, errors } = await race(cell, 'cached');
        expect({ wrong, errors }).toEqual({ wrong: 0, errors: ['EPERM'] });
        worstUs = Math.max(worstUs, lateUs);
      }
      process.stderr.write(
        `cached pages, ${transport}: readable for ${(worstUs / 1000).toFixed(0)} ms at most\n`,
      );
      expect(worstUs).toBeLessThan(CACHED_LIMIT_US);
    },
    LIMIT_MS,
  );

  test('so they do when the kernel knows ten thousand dumps', async () => {
    const { lateUs, wrong, errors } = await race(cells[0]!, 'cached', 9999);
    expect({ wrong, errors }).toEqual({ wrong: 0, errors: ['EPERM'] });
    process.stderr.write(
      `of 10,000 known inodes, ${transport}: readable for ${(lateUs / 1000).toFixed(0)} ms\n`,
    );
    expect(lateUs).toBeLessThan(CACHED_LIMIT_US);
  }, 120_000);
});
