import assert from 'node:assert/strict';
import { MOST_TAGS } from '../../../src/dump/index.js';
import { formatKnownTags, parseKnownTags } from '../../../src/announce/state-file.js';
import type { FuzzTarget } from '../target.js';
import { latin1 } from '../target.js';

/** The tags that a daemon remembers over a restart. */
export const stateFile: FuzzTarget = {
  name: 'state-file',
  isText: true,
  words: [
    '0x0000000200000001 ',
    '4096 ',
    '- ',
    '-\n',
    '2026-11-22T08:12:00.000Z\n',
    '# ',
    '\n',
    '+275760-09-13',
    'e9',
  ],
  run(input) {
    const { tags, badLines } = parseKnownTags(latin1(input));
    assert(tags.length <= MOST_TAGS);
    assert(tags.length + badLines <= input.length);
    assert.equal(new Set(tags.map(({ tag }) => tag)).size, tags.length);
    for (const { size, announcedAtMs } of tags) {
      assert(size === undefined || (Number.isSafeInteger(size) && size >= 0));
      assert(announcedAtMs === undefined || Number.isFinite(announcedAtMs));
    }
    assert.deepEqual(parseKnownTags(formatKnownTags(tags)), { tags, badLines: 0 });
  },
};
