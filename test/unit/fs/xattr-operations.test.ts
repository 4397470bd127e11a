import { describe, expect, test, vi } from 'vitest';
import { FsError } from '../../../src/base/errno.js';
import type { RequestContext, Volume } from '../../../src/fs/index.js';
import { ROOT_INO } from '../../../src/fs/index.js';
import { InodeTable } from '../../../src/fs/inode-table.js';
import { getxattr, listxattr } from '../../../src/fs/xattr-operations.js';
import type { FakeDump } from './support/fake-dump.js';
import { fakeDump } from './support/fake-dump.js';

const INO = 2;

/** A volume with one inode, which everybody may read. */
function volumeOf(facts: Partial<FakeDump> = {}): Volume {
  const volume: Pick<Volume, 'inode' | 'assertPermitted'> & { readonly store: unknown } = {
    inode: (ino) => ({ ...new InodeTable().lookUp(fakeDump(1, facts)), ino }),
    assertPermitted: () => undefined,
    store: { source: { name: 'sim' } },
  };
  // The class has private fields, so nothing but its instances is one for the compiler.
  return volume as unknown as Volume;
}

const neverAsked = {
  get signal(): AbortSignal {
    throw new Error('asked for a signal, so it is going to wait');
  },
} as RequestContext;

async function valueOf(name: string, facts: Partial<FakeDump> = {}, context = neverAsked): Promise<string> {
  return Buffer.from(await getxattr(volumeOf(facts), INO, `user.platdump.${name}`, context)).toString();
}

test('listxattr lists the documented ones', () => {
  expect(listxattr(volumeOf(), INO)).toEqual(
    ['tag', 'type', 'name', 'source', 'size_origin', 'delivered', 'state', 'sha256'].map(
      (name) => `user.platdump.${name}`,
    ),
  );
});

describe('getxattr', () => {
  test.each<{ name: string; facts?: Partial<FakeDump>; value: string }>([
    { name: 'tag', value: '0x0000000200000001' },
    { name: 'type', facts: { type: 'fsp' }, value: 'fsp' },
    { name: 'source', value: 'sim' },
    { name: 'size_origin', value: 'unknown' },
    {
      name: 'size_origin',
      facts: { size: { bytes: 1, origin: 'announced', exact: false } },
      value: 'announced',
    },
    {
      name: 'size_origin',
      facts: { size: { bytes: 1, origin: 'measured', exact: true } },
      value: 'measured',
    },
    { name: 'delivered', facts: { delivered: 5 * 2 ** 40 }, value: '5497558138880' },
    { name: 'state', facts: { state: 'complete' }, value: 'complete' },
    { name: 'sha256', value: '' },
    { name: 'sha256', facts: { sha256: 'ab12' }, value: 'ab12' },
  ])('$name is $value without a wait', async ({ name, facts, value }) => {
    expect(await valueOf(name, facts)).toBe(value);
  });

  test.each<{ directory: Awaited<ReturnType<FakeDump['readDirectory']>>; value: string }>([
    { directory: { name: 'SYSDUMP.1.2.3', size: 9 }, value: 'SYSDUMP.1.2.3' },
    { directory: {}, value: '' },
  ])('name is "$value" for $directory, read under the caller\'s signal', async ({ directory, value }) => {
    const { signal } = new AbortController();
    const readDirectory = vi.fn(() => Promise.resolve(directory));
    expect(await valueOf('name', { readDirectory }, { signal } as RequestContext)).toBe(value);
    expect(readDirectory).toHaveBeenCalledWith(signal);
  });

  test('name fails as reading the dump fails', async () => {
    const failure = new FsError('EIO', 'hardware error');
    const { signal } = new AbortController();
    const answer = valueOf('name', { readDirectory: () => Promise.reject(failure) }, {
      signal,
    } as RequestContext);
    await expect(answer).rejects.toBe(failure);
  });

  test.each([
    { name: 'user.platdump.', code: 'ENODATA' },
    { name: 'user.platdump.size', code: 'ENODATA' },
    { name: 'user.platdump.TAG', code: 'ENODATA' },
    { name: 'user.platdump.constructor', code: 'ENODATA' },
    { name: 'user.tag', code: 'ENODATA' },
    { name: 'tag', code: 'ENODATA' },
    { name: '', code: 'ENODATA' },
    { name: 'security.capability', code: 'ENOTSUP' },
    { name: 'security.selinux', code: 'ENOTSUP' },
    { name: 'trusted.overlay', code: 'ENOTSUP' },
    { name: 'system.posix_acl_access', code: 'ENOTSUP' },
    { name: 'system.platdump.tag', code: 'ENOTSUP' },
  ])('$name is $code, quietly', async ({ name, code }) => {
    const refused: unknown = expect.objectContaining({ code, severity: 'debug' });
    for (const ino of [INO, ROOT_INO])
      await expect(getxattr(volumeOf(), ino, name, neverAsked)).rejects.toEqual(refused);
  });
});
