import { constants } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dumpAttributes, dumpEntry, rootAttributes, UNKNOWN_SIZE } from '../../../src/fs/attributes.js';
import { ROOT_INO } from '../../../src/fs/index.js';
import { inoOf } from '../../../src/fs/inode-table.js';
import { fakeDump } from './support/fake-dump.js';

const ROOT_ONLY = { uid: 0, gid: 0, umask: 0o277 };

describe('permissions', () => {
  test.each([
    { umask: 0o277, file: 0o400, directory: 0o500 },
    { umask: 0o227, file: 0o440, directory: 0o550 },
    { umask: 0o022, file: 0o444, directory: 0o755 },
    { umask: 0, file: 0o444, directory: 0o777 },
    { umask: 0o777, file: 0, directory: 0 },
  ])('with umask $umask', ({ umask, file, directory }) => {
    const owner = { uid: 1000, gid: 100, umask };
    expect(dumpAttributes(fakeDump(1), owner)).toMatchObject({
      mode: constants.S_IFREG | file,
      uid: 1000,
      gid: 100,
      nlink: 1,
    });
    expect(rootAttributes(owner, 0)).toMatchObject({
      mode: constants.S_IFDIR | directory,
      uid: 1000,
      gid: 100,
    });
  });
});

test('rootAttributes is the root directory, as old as the mount', () => {
  expect(rootAttributes(ROOT_ONLY, 1_700_000_000_123)).toMatchObject({
    ino: ROOT_INO,
    nlink: 2,
    mtimeMs: 1_700_000_000_123,
    validMs: 1000,
  });
});

describe('dumpAttributes', () => {
  test.each([
    {
      why: 'nothing can correct it',
      known: { bytes: 3 * 2 ** 30, origin: 'source', exact: true } as const,
      size: 3 * 2 ** 30,
      validMs: 1000,
    },
    {
      why: 'firmware may correct it',
      known: { bytes: 4096, origin: 'announced', exact: false } as const,
      size: 4096,
      validMs: 0,
    },
    { why: 'nobody knows it', known: undefined, size: UNKNOWN_SIZE, validMs: 0 },
  ])('size when $why: $size, to be believed for $validMs ms', ({ known, size, validMs }) => {
    expect(dumpAttributes(fakeDump(1, { size: known }), ROOT_ONLY)).toMatchObject({ size, validMs });
  });

  test('an unknown size is beyond every dump, and exact in 64 bits', () => {
    expect(UNKNOWN_SIZE).toBeGreaterThan(Number.MAX_SAFE_INTEGER);
    expect(BigInt(UNKNOWN_SIZE) < 2n ** 63n).toBe(true);
  });

  test('ino is that of the incarnation, mtime when the dump was first seen', () => {
    const dump = fakeDump(7, { announcedAtMs: 1_600_000_000_001 });
    expect(dumpAttributes(dump, ROOT_ONLY)).toMatchObject({ ino: inoOf(dump), mtimeMs: 1_600_000_000_001 });
  });
});

test('dumpEntry lets the name be believed although the size is not', () => {
  const dump = fakeDump(1);
  expect(dumpEntry(dump, ROOT_ONLY, 7)).toEqual({
    attributes: dumpAttributes(dump, ROOT_ONLY),
    generation: 7,
    validMs: 1000,
  });
});
