import assert from 'node:assert/strict';
import type { MountEntry } from '../../../src/base/mountinfo.js';
import { mountsInOrder, parseMountInfo } from '../../../src/base/mountinfo.js';
import type { FuzzTarget } from '../target.js';

/** /proc/self/mountinfo: users choose mount points and sources. */
export const mountinfo: FuzzTarget = {
  name: 'mountinfo',
  isText: true,
  words: [
    ' - ',
    '0:42 ',
    ' / ',
    '/mnt ',
    'rw,nosuid',
    'shared:1 ',
    'fuse.platdumpfs',
    '\\040',
    '\\134',
    '\n',
    '"',
    ',',
    ' ',
  ],
  run(input) {
    const entries = parseMountInfo(Buffer.from(input).toString());
    for (const { mountpoint } of entries) {
      const here = mountsInOrder(entries, mountpoint);
      const ids = (all: readonly MountEntry[]): number[] => all.map(({ id }) => id).sort();
      assert.deepEqual(ids(here), ids(entries.filter((entry) => entry.mountpoint === mountpoint)));
    }
    assert.deepEqual(parseMountInfo(entries.map(written).join('\n')), entries);
  },
};

function written(entry: MountEntry): string {
  const { id, parentId, deviceMajor, deviceMinor, isShared, superOptions } = entry;
  const [mountpoint, fstype, source] = [entry.mountpoint, entry.fstype, entry.source].map(escaped);
  const shared = isShared ? 'shared:1 ' : '';
  const left = `${id} ${parentId} ${deviceMajor}:${deviceMinor} / ${mountpoint} rw ${shared}-`;
  return `${left} ${fstype} ${source} ${superOptions.join(',')}`;
}

function escaped(text: string): string {
  return text.replace(/[ \t\n\\#]/g, (one) => `\\${one.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
