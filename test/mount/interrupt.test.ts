import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MIB } from '../support/all-sizes.js';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { KERNEL_CELLS, Mounted, NATIVE, TRANSPORTS, until } from '../support/mounted.js';
import { PATIENCE_MS } from '../support/patience.js';
import { SyscallClient } from '../support/syscall-client.js';
import { Victim } from '../support/victim.js';

/** "Extended delay, about 1 s." */
const BUSY = 9903;
const DELAYED_AT = 256 * 1024;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGKILL'] as const;
/** More than a busy machine takes to end a process. The delays of firmware last longer than all of it together. */
const GONE_MS = 5000;
/** Of a second each. */
const DELAYS = 8;

const tagOf = (index: number): bigint => 0x2_0000_0001n + BigInt(index);

function delayed(mounted: Mounted, index: number, times: number | 'always', side: object = {}): ExpectedDump {
  const faults = [{ at: DELAYED_AT, status: BUSY, times }];
  return fileDump(mounted.simDir, tagOf(index), MIB, { faults, ...side });
}

async function start(mounted: Mounted, ...args: readonly string[]): Promise<void> {
  await mounted.start(`--sim-dir=${mounted.simDir}`, `--trace-rtas=${mounted.tracePath}`, ...args);
}

function firmwareDelays(mounted: Mounted, ...dumps: readonly ExpectedDump[]): Promise<void> {
  return until('firmware delays', async () => {
    const busy = new Set((await mounted.trace()).flatMap(({ status, tag }) => (status === BUSY ? tag : [])));
    return dumps.every(({ name }) => busy.has(name));
  });
}

describe.each(KERNEL_CELLS)('a signal while firmware delays, $transport, $discipline', (cell) => {
  test('ends readers at once; the others get all bytes when the delay is over', async () => {
    await using mounted = new Mounted(cell);
    const dump = delayed(mounted, 0, DELAYS);
    const unannounced = delayed(mounted, 1, DELAYS, { announcedSize: null });
    await start(mounted);
    using copier = new SyscallClient();
    using asker = new SyscallClient();
    const whole = copier.call('cat', mounted.at(dump.name));
    const size = asker.call('stat', mounted.at(unannounced.name));
    const victims = SIGNALS.flatMap((signal) =>
      [
        ['cat', mounted.at(dump.name)],
        ['cp', mounted.at(dump.name), join(mounted.out, signal)],
        [
          'dd',
          `if=${mounted.at(dump.name)}`,
          'of=/dev/null',
          'bs=4096',
          'skip=80',
          'count=1',
          'iflag=direct',
        ],
        ['stat', mounted.at(unannounced.name)],
      ].map(([command = '', ...args]) => ({ signal, victim: new Victim(command, ...args) })),
    );
    await firmwareDelays(mounted, dump, unannounced);
    await Promise.all(victims.map(({ victim }) => victim.endWithin(300)));
    expect(victims.filter(({ victim }) => !victim.isRunning).map(({ victim }) => victim.name)).toEqual([]);

    const ends = await Promise.all(victims.map(({ signal, victim }) => victim.signal(signal, GONE_MS)));
    expect(ends.map(({ end }) => end)).toEqual(victims.map(({ signal }) => signal));

    expect(await whole).toMatchObject({ value: { bytes: dump.size, sha256: sha256(dump) } });
    expect(await size).toMatchObject({ value: unannounced.size });
    expect(await mounted.invalidations()).toEqual([]);
  });

  test('ends a removal that reads the dump first, and the dump stays', async () => {
    await using mounted = new Mounted(cell);
    // Where no pass is demanded, the call that removes is the one that firmware delays.
    const at = cell.discipline === 'papr' ? DELAYED_AT : 'invalidate';
    const dumps = SIGNALS.map((_, index) =>
      fileDump(mounted.simDir, tagOf(index), MIB, { faults: [{ at, status: BUSY, times: DELAYS }] }),
    );
    await start(mounted, '--unlink=force');
    using client = new SyscallClient();
    for (const [index, dump] of dumps.entries()) {
      using removal = new Victim('rm', '-f', mounted.at(dump.name));
      await firmwareDelays(mounted, dump);
      const { end } = await removal.signal(SIGNALS[index]!, GONE_MS);
      expect(end).toBe(SIGNALS[index]);
    }
    const listed = await client.must('ls', mounted.mountpoint);
    // What firmware has been told already cannot be taken back.
    if (cell.discipline === 'papr') {
      expect(listed).toEqual(dumps.map(({ name }) => name));
      expect(await mounted.invalidations()).toEqual([]);
      expect(await client.must('cat', mounted.at(dumps[0]!.name))).toMatchObject({
        sha256: sha256(dumps[0]!),
      });
    }
  });
});

describe('a signal while firmware delays, fuse-native', () => {
  // libfuse 2 tells nobody of interrupts: what waits for pages goes at once, everything else with the answer.
  test('ends those who wait for pages at once, the others when the delay is over', async () => {
    await using mounted = new Mounted(NATIVE);
    const dump = delayed(mounted, 0, DELAYS);
    const unannounced = delayed(mounted, 1, DELAYS, { announcedSize: null });
    await start(mounted);
    using copier = new SyscallClient();
    const whole = copier.call('cat', mounted.at(dump.name));
    const readers = SIGNALS.map((signal) => ({ signal, victim: new Victim('cat', mounted.at(dump.name)) }));
    const askers = SIGNALS.map((signal) => ({
      signal,
      victim: new Victim('stat', mounted.at(unannounced.name)),
    }));
    await firmwareDelays(mounted, dump, unannounced);
    await Promise.all(readers.map(({ victim }) => victim.endWithin(300)));

    const gone = await Promise.all(readers.map(({ signal, victim }) => victim.signal(signal, GONE_MS)));
    expect(gone.map(({ end }) => end)).toEqual(SIGNALS);
    const ends = await Promise.all(askers.map(({ signal, victim }) => victim.signal(signal, PATIENCE_MS)));
    expect(ends.map(({ end }) => end)).toEqual(SIGNALS);

    expect(await whole).toMatchObject({ value: { bytes: dump.size, sha256: sha256(dump) } });
    expect(await mounted.invalidations()).toEqual([]);
  });
});

describe.each(TRANSPORTS)('SIGTERM for the daemon while firmware delays, $transport', (cell) => {
  test('ends it with status 0 soon; the mount is gone, and who waited for it too', async () => {
    await using mounted = new Mounted(cell);
    const dump = delayed(mounted, 0, 'always');
    const unannounced = delayed(mounted, 1, 'always', { announcedSize: null });
    await start(mounted, '--unmount-timeout=1');
    using reader = new Victim('cat', mounted.at(dump.name));
    using asker = new Victim('stat', mounted.at(unannounced.name));
    await firmwareDelays(mounted, dump, unannounced);

    const began = performance.now();
    expect(await mounted.daemon.stop('SIGTERM')).toBe(0);
    expect(performance.now() - began).toBeLessThan(30_000);
    expect(mounted.mounts).toBe(0);
    expect(await reader.endWithin(GONE_MS)).toBe(1);
    expect(await asker.endWithin(GONE_MS)).toBe(1);
    expect(await mounted.invalidations()).toEqual([]);
  });
});
