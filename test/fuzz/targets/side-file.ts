import assert from 'node:assert/strict';
import { parseSideFile, SideFileError } from '../../../src/source/sim/side-file.js';
import type { SideFile } from '../../../src/source/sim/side-file.js';
import type { FuzzTarget } from '../target.js';
import { unlessRefused } from '../target.js';

const PATH = '/dumps/0x0000000200000001.json';
const SIZE_BYTES = 1000;

/** How the simulated hypervisor presents a dump. */
export const sideFile: FuzzTarget = {
  name: 'side-file',
  isText: true,
  words: [
    ...['"announcedSize":', '"announced":', '"latencyUs":', '"chunk":', '"faults":', '"at":', '"status":'],
    ...['"times":', '"empty":', '"always"', '"invalidate"', 'null', 'true', 'false', '[', ']', '{', '}', ','],
    ...['0', '1', '-1', '1e3', '9900', '9007199254740992', '"__proto__":', '\\u0000'],
  ],
  run(input) {
    const text = Buffer.from(input).toString();
    const side = unlessRefused(SideFileError, () => parseSideFile(text, PATH, SIZE_BYTES));
    if (side === undefined) return;
    for (const { at, times } of side.faults) {
      assert(at === 'invalidate' || (at >= 0 && at <= SIZE_BYTES));
      assert(times >= 1);
    }
    const again = parseSideFile(written(side), PATH, SIZE_BYTES);
    assert.equal(written(again), written(side), 'it is not read as it is meant');
  },
};

function written(side: SideFile): string {
  const faults = side.faults.map((fault) => ({
    ...fault,
    times: fault.times === Infinity ? 'always' : fault.times,
  }));
  return JSON.stringify({ ...side, faults });
}
