import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../src/base/log.js';
import {
  checkMountpoint,
  clearStaleMounts,
  mountsAt,
  resolveMountpoint,
  unmountOrDetach,
} from '../../../src/fuse/mount-table.js';
import { mountsInOrder, parseMountInfo } from '../../../src/base/mountinfo.js';

const line = (id: number, parent: number, place: string, tail = 'rw - tmpfs none rw'): string =>
  `${id} ${parent} 0:${id} / ${place} ${tail}`;

describe('parseMountInfo', () => {
  test.each([
    {
      text: '36 35 98:12 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue',
      entry: {
        id: 36,
        parentId: 35,
        deviceMajor: 98,
        deviceMinor: 12,
        mountpoint: '/mnt2',
        fstype: 'ext3',
        source: '/dev/root',
        superOptions: ['rw', 'errors=continue'],
      },
    },
    {
      text: line(1, 2, '/a', 'rw - fuse.platdumpfs a rw'),
      entry: { fstype: 'fuse.platdumpfs', source: 'a' },
    },
    { text: line(1, 2, '/a', 'rw shared:3 master:4 unbindable - fuse x rw'), entry: { fstype: 'fuse' } },
    {
      text: line(1, 2, '/with\\040blank\\011tab\\134and\\012line'),
      entry: { mountpoint: '/with blank\ttab\\and\nline' },
    },
    {
      text: line(1, 2, '/a', 'rw - fuse x rw,user_id=0,context="a,default_permissions",allow_other'),
      entry: { superOptions: ['rw', 'user_id=0', 'context=', 'allow_other'] },
    },
    { text: line(1, 2, '/ü€'), entry: { mountpoint: '/ü€' } },
    { text: line(1, 2, '/a', 'rw -  '), entry: undefined },
    { text: line(1, 2, '/a', 'rw - tmpfs'), entry: { fstype: 'tmpfs', source: '' } },
    { text: 'nonsense', entry: undefined },
    { text: '', entry: undefined },
    { text: '1 2 x:y / /a rw - tmpfs none rw', entry: undefined },
  ])('reads $text', ({ text, entry }) => {
    const [parsed] = parseMountInfo(`${text}\n`);
    if (entry === undefined) expect(parsed).toBeUndefined();
    else expect(parsed).toMatchObject(entry);
  });
});

describe('mountsInOrder', () => {
  test.each([
    { order: 'as mounted', lines: [line(10, 1, '/m'), line(11, 10, '/m'), line(12, 11, '/m')] },
    { order: 'mounted beneath', lines: [line(12, 11, '/m'), line(10, 1, '/m'), line(11, 10, '/m')] },
  ])('puts what is on top last ($order)', ({ lines }) => {
    const all = parseMountInfo([...lines, line(13, 12, '/m/below')].join('\n'));
    expect(mountsInOrder(all, '/m').map(({ id }) => id)).toEqual([10, 11, 12]);
  });

  test('ends on a mount that claims to sit on itself', () => {
    expect(mountsInOrder(parseMountInfo(line(5, 5, '/m')), '/m')).toHaveLength(1);
  });
});

describe('a place to mount on', () => {
  let directory: string;

  beforeAll(() => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'platdumpfs-table-')));
    writeFileSync(join(directory, 'file'), '');
    symlinkSync(directory, join(directory, 'link'));
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  test('mountsAt finds what the system has mounted', () => {
    expect(mountsAt('/proc').at(-1)).toMatchObject({ fstype: 'proc' });
    expect(mountsAt(directory)).toEqual([]);
  });

  test('checkMountpoint follows symbolic links', async () => {
    expect(await checkMountpoint(join(directory, 'link'))).toBe(directory);
    expect(await resolveMountpoint(`${directory}/./link/`)).toBe(directory);
  });

  test.each([
    { name: 'missing', says: /missing does not exist: create it with mkdir -p/ },
    { name: 'file', says: /file is not a directory/ },
    { name: 'file/below', says: /cannot be used: ENOTDIR/ },
  ])('checkMountpoint refuses $name', async ({ name, says }) => {
    await expect(checkMountpoint(join(directory, name))).rejects.toThrow(says);
  });

  test('clearStaleMounts leaves other filesystems alone', async () => {
    const before = mountsAt('/proc');
    await clearStaleMounts('/proc', silentLogger);
    await clearStaleMounts(directory, silentLogger);
    expect(mountsAt('/proc')).toEqual(before);
  });

  test('unmountOrDetach is content when nothing is mounted', async () => {
    expect(await unmountOrDetach(directory, 0, silentLogger)).toBe('unmounted');
    expect(await unmountOrDetach(directory, 0, silentLogger, { mountId: 123 })).toBe('unmounted');
  });

  test('unmountOrDetach refuses what is not ours', async () => {
    await expect(unmountOrDetach('/proc', 0, silentLogger)).rejects.toThrow(/mount of type proc, not ours/);
  });
});
