import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DumpTag } from '../src/base/tag.js';
import { dumpTag, tagName } from '../src/base/tag.js';
import { readGenerated } from '../src/source/sim/generated-content.js';
import { CALL_BYTES } from './units.js';

/** How the simulated hypervisor presents a dump: `announcedSize` null is one whose size nobody says. */
interface SideFile {
  readonly announcedSize?: null;
  readonly latencyUs?: number;
}

/** Tags of the dumps that a benchmark makes, in the order in which it names them. */
export function tagOf(dump: number): DumpTag {
  return dumpTag(0x2_0000_0001n + BigInt(dump));
}

/** Makes a directory of simulated dumps, sparse files that begin with a dump's header. */
export function makeDumps(
  directory: string,
  sizes: readonly number[],
  side: (dump: number) => SideFile,
): void {
  mkdirSync(directory);
  for (const [dump, size] of sizes.entries()) {
    const path = join(directory, tagName(tagOf(dump)));
    writeFileSync(`${path}.json`, JSON.stringify(side(dump)));
    const header = new Uint8Array(CALL_BYTES);
    readGenerated(tagOf(dump), size, 0, header);
    const fd = openSync(path, 'w');
    writeSync(fd, header);
    ftruncateSync(fd, size);
    closeSync(fd);
  }
}
