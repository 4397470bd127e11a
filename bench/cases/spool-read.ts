import { closeSync, fsyncSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from '../../test/support/run-tool.js';
import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { inTurn } from '../statistics.js';
import { dropPages, readRate } from '../tools.js';
import { MIB } from '../units.js';

const SIZE_MIB = 1024;
const QUICK_SIZE_MIB = 512;

/** A dump larger than the cache, read again: everything comes from the spool, decrypted. */
export const spoolRead: readonly BenchCase[] = [
  { from: 'disk', name: 'spool read, from the disk' },
  { from: 'memory', name: 'spool read, file in the page cache' },
].map(({ from, name }) => ({
  name,
  baseline: 'the same file read natively',
  goal: { atLeast: 0.7 },
  unit: 'MiB/s',
  run: (scale: Scale) => run(from === 'disk', scale),
}));

async function run(fromDisk: boolean, { quick, pairs }: Scale): Promise<Measured> {
  await using daemon = await Daemon.start({ dumps: [(quick ? QUICK_SIZE_MIB : SIZE_MIB) * MIB] });
  const native = join(daemon.directory, 'native');
  await mustRun('cp', [daemon.path(0), native], { timeoutMs: 120_000 });
  const spool = spoolFile(daemon.pid);
  for (const path of [native, spool]) flush(path);
  const read = async (path: string, stored: string): Promise<number> => {
    await dropPages(path);
    if (fromDisk) await dropPages(stored);
    else await readRate(stored);
    return readRate(path);
  };
  return await inTurn(
    pairs,
    () => read(daemon.path(0), spool),
    () => (fromDisk ? read(native, native) : readRate(native)),
  );
}

/** The daemon's file without a name. */
function spoolFile(pid: number): string {
  const directory = `/proc/${pid}/fd`;
  const fd = readdirSync(directory).find((name) => {
    const target = linkOf(join(directory, name));
    return target.includes('/cache/') && target.endsWith(' (deleted)');
  });
  if (fd === undefined) throw new Error('the daemon has no spool file open');
  return join(directory, fd);
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Only pages that are on the disk can be dropped. */
function flush(path: string): void {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
}
