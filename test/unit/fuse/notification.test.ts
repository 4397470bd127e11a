import { endianness } from 'node:os';
import { describe, expect, test } from 'vitest';
import {
  notifyDelete,
  notifyInvalidateEntry,
  notifyInvalidateInode,
} from '../../../src/fuse/notification.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe.skipIf(endianness() !== 'LE')('notifications, little endian', () => {
  test.each([
    {
      name: 'pages of an inode',
      bytes: notifyInvalidateInode(0x1122334455, 'pages'),
      golden: '28000000 02000000 0000000000000000 5544332211000000 0000000000000000 0000000000000000',
    },
    {
      name: 'attributes of an inode',
      bytes: notifyInvalidateInode(2, 'attributes'),
      golden: '28000000 02000000 0000000000000000 0200000000000000 ffffffffffffffff 0000000000000000',
    },
    {
      name: 'a name',
      bytes: notifyInvalidateEntry(1, 'ab'),
      golden: '23000000 03000000 0000000000000000 0100000000000000 02000000 00000000 616200',
    },
    {
      name: 'a name and its inode',
      bytes: notifyDelete(1, 7, 'é'),
      golden: '2b000000 06000000 0000000000000000 0100000000000000 0700000000000000 02000000 00000000 c3a900',
    },
  ])('$name', ({ bytes, golden }) => {
    expect(hex(bytes)).toBe(golden.replaceAll(' ', ''));
  });
});
