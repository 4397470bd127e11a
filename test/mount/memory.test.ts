import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dropPages, MIB } from '../support/all-sizes.js';
import { generatedDump, sha256 } from '../support/expected-dump.js';
import { CELLS, Mounted } from '../support/mounted.js';
import { usageOf } from '../support/process-usage.js';
import { mustRun } from '../support/run-tool.js';

const TAG = 0x2_0000_0001n;
const SIZE = 3 * 1024 * MIB;
const CACHE_MIB = 64;
/** For a thread that reads, one that spools, and garbage. */
const REST_MIB = 96;

/** A busy machine reads 100 MiB/s. */
const COPY_LIMIT_MS = 60_000;

describe.each(CELLS.filter(({ discipline }) => discipline === 'papr'))(
  'memory of the daemon, $transport, $discipline',
  (cell) => {
    test.each(
      [{ spool: true }, { spool: false }].filter(({ spool }) => spool || cell.transport === 'kernel'),
    )(
      'stays below that of the cache and a little more while 3 GiB are copied, spool: $spool',
      async ({ spool }) => {
        await using mounted = new Mounted(cell);
        const dump = generatedDump(TAG, SIZE);
        const directory = join(mounted.directory, 'spool');
        mkdirSync(directory, { mode: 0o700 });
        await mounted.start(`--sim-dump=${dump.name}:${dump.size}`, `--spool=${spool ? directory : 'none'}`);
        const pid = mounted.daemon.child.pid ?? -1;
        const idle = usageOf(pid);
        await mustRun('cp', [mounted.at(dump.name), '/dev/null'], { timeoutMs: COPY_LIMIT_MS });
        const { peakMib } = usageOf(pid);
        expect(peakMib - idle.rssMib).toBeLessThan(CACHE_MIB + REST_MIB);
      },
      2 * COPY_LIMIT_MS,
    );
  },
);

describe.each(CELLS.filter(({ discipline }) => discipline === 'librtas'))(
  'memory of the daemon, $transport, $discipline',
  (cell) => {
    test(
      '32 readers at different places of a dump make it no larger, however often they come',
      async () => {
        await using mounted = new Mounted(cell);
        const dump = generatedDump(TAG, 1024 * MIB);
        await mounted.start(`--sim-dump=${dump.name}:${dump.size}`);
        const pid = mounted.daemon.child.pid ?? -1;
        const idle = usageOf(pid);
        const peaks: number[] = [];
        for (let wave = 0; wave < 3; wave += 1) {
          await dropPages(mounted.at(dump.name));
          const places = Array.from({ length: 32 }, (_, reader) => 31 * reader + wave);
          const copies = await Promise.all(
            places.map((skip) =>
              mustRun('dd', [
                `if=${mounted.at(dump.name)}`,
                'bs=1M',
                `skip=${skip}`,
                'count=1',
                'status=none',
              ]),
            ),
          );
          expect(copies.map((copy) => copy.sha256)).toEqual(
            places.map((skip) => sha256(dump, skip * MIB, (skip + 1) * MIB)),
          );
          peaks.push(usageOf(pid).peakMib);
        }
        expect(Math.max(...peaks) - idle.rssMib).toBeLessThan(CACHE_MIB + REST_MIB);
        expect(peaks[2]! - peaks[1]!).toBeLessThan(8);
      },
      2 * COPY_LIMIT_MS,
    );
  },
);
