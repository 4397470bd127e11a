import assert from 'node:assert/strict';
import type { DumpDirectory } from '../../../src/dump/header.js';
import { readDirectory } from '../../../src/dump/header.js';
import type { FuzzTarget } from '../target.js';

const MOST_BYTES = 64 * 1024;

/** The first bytes of a dump. */
export const dumpHeader: FuzzTarget = {
  name: 'dump-header',
  isText: false,
  words: [
    'FILE    ',
    'SECTION ',
    '\0\x40',
    '\0\0\0\x01',
    '\0\0\0\x02',
    '\xff\xff\xff\xff',
    '../',
    '\x1b[2J',
    '.',
  ],
  run(input) {
    const whole = readDirectory(input);
    if (whole.kind === 'directory') checkDirectory(whole.directory);
    // As it is read from a dump: more and more, as much as is asked for.
    for (let bytes = 0; ;) {
      const reading = readDirectory(input.subarray(0, bytes));
      if (reading.kind !== 'incomplete') {
        assert.deepEqual(reading, whole, 'a beginning says something else than the whole');
        return;
      }
      if (reading.soFar !== undefined) checkDirectory(reading.soFar);
      assert(reading.bytes > bytes && reading.bytes <= MOST_BYTES, `${reading.bytes} after ${bytes}`);
      if (reading.bytes > input.length) return;
      ({ bytes } = reading);
    }
  },
};

function checkDirectory({ name, size }: DumpDirectory): void {
  if (name !== undefined) assert.match(name, /^[\w][\w.-]{0,45}$/);
  if (size !== undefined) assert(Number.isSafeInteger(size) && size > 0);
}
