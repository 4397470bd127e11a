import { closeSync, fsyncSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCase, Measured, Scale } from '../case.js';
import { Daemon } from '../daemon.js';
import { Gocryptfs } from '../gocryptfs.js';
import { inTurn } from '../statistics.js';
import { dropPages, readRate } from '../tools.js';
import { MIB } from '../units.js';

const SIZE_MIB = 1024;
const QUICK_SIZE_MIB = 512;

/** A dump larger than the cache, read again: everything comes from the spool, decrypted. */
export const spoolRead: readonly BenchCase[] = [
  { from: 'disk', name: 'dump larger than the cache, spool on the disk' },
  { from: 'memory', name: 'dump larger than the cache, spool in the page cache' },
].map(({ from, name }) => ({
  name,
  baseline: 'gocryptfs serving the same bytes',
  goal: { atLeast: 1 },
  unit: 'MiB/s',
  run: (scale: Scale) => run(from === 'disk', scale),
}));

async function run(fromDisk: boolean, { quick, pairs }: Scale): Promise<Measured> {
  await using daemon = await Daemon.start({ dumps: [(quick ? QUICK_SIZE_MIB : SIZE_MIB) * MIB] });
  // Reads the dump for the first time, which fills the spool.
  await using theirs = await Gocryptfs.serving(daemon.path(0));
  theirs.readAheadKib = daemon.readAheadKib;
  const spool = spoolFiles(daemon.pid);
  const stored = readdirSync(theirs.stored).map((name) => join(theirs.stored, name));
  for (const path of [...spool, ...stored]) flush(path);
  const read = async (path: string, encrypted: readonly string[]): Promise<number> => {
    await dropPages(path);
    for (const file of encrypted) await (fromDisk ? dropPages(file) : readRate(file));
    return readRate(path);
  };
  return await inTurn(
    pairs,
    () => read(daemon.path(0), spool),
    () => read(theirs.path, stored),
  );
}

/** The daemon's files without a name. */
function spoolFiles(pid: number): readonly string[] {
  const directory = `/proc/${pid}/fd`;
  const files = readdirSync(directory)
    .map((name) => join(directory, name))
    .filter((path) => {
      const target = linkOf(path);
      return target.includes('/cache/') && target.endsWith(' (deleted)');
    });
  if (files.length === 0) throw new Error('the daemon has no spool file open');
  return files;
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
