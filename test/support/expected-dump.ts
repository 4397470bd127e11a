import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DumpTag } from '../../src/base/tag.js';
import { tagName } from '../../src/base/tag.js';
import { readGenerated } from '../../src/source/sim/index.js';

/** A simulated dump and the bytes that it has to have. */
export interface ExpectedDump {
  readonly tag: DumpTag;
  readonly name: string;
  readonly size: number;
  /** Bytes [start, end), clipped to the dump. */
  bytes(start: number, end: number): Buffer;
}

/**
 * Puts a file, and what is said of it, where the simulated hypervisor looks.
 * @param what its bytes, or how many random ones
 */
export function fileDump(simDir: string, tag: bigint, what: number | Buffer, side?: object): ExpectedDump {
  const name = tagName(tag as DumpTag);
  const content = typeof what === 'number' ? randomBytes(what) : what;
  if (side !== undefined) writeFileSync(join(simDir, `${name}.json`), JSON.stringify(side));
  writeFileSync(join(simDir, name), content);
  const size = content.length;
  return { tag: tag as DumpTag, name, size, bytes: (start, end) => content.subarray(start, end) };
}

/** A dump for `--sim-dump`. */
export function generatedDump(tag: bigint, size: number): ExpectedDump {
  const bytes = (start: number, end: number): Buffer => {
    const from = Math.min(start, size);
    const into = Buffer.alloc(Math.max(0, Math.min(end, size) - from));
    readGenerated(tag as DumpTag, size, from, into);
    return into;
  };
  return { tag: tag as DumpTag, name: tagName(tag as DumpTag), size, bytes };
}

const STEP_BYTES = 4 * 1024 * 1024;

/** Hashing 80 MiB takes its time, and most tools deliver the same bytes. */
const hashes = new WeakMap<ExpectedDump, Map<string, string>>();

/** SHA-256 of bytes [start, end). */
export function sha256(dump: ExpectedDump, start = 0, end = dump.size): string {
  const known = hashes.get(dump) ?? new Map<string, string>();
  hashes.set(dump, known);
  const range = `${start} ${end}`;
  const hash = known.get(range) ?? compute(dump, start, end);
  known.set(range, hash);
  return hash;
}

function compute(dump: ExpectedDump, start: number, end: number): string {
  const hash = createHash('sha256');
  for (let at = start; at < end; at += STEP_BYTES)
    hash.update(dump.bytes(at, Math.min(at + STEP_BYTES, end)));
  return hash.digest('hex');
}
