import { describe, expect, test, vi } from 'vitest';
import { FsError } from '../../../src/base/errno.js';
import { noXattr, readXattr, XATTR_NAMES } from '../../../src/fs/xattr.js';
import type { FakeDump } from './support/fake-dump.js';
import { fakeDump } from './support/fake-dump.js';

const neverAsked = (): AbortSignal => {
  throw new Error('asked for a signal, so it is going to wait');
};

function valueOf(name: string, facts: Partial<FakeDump> = {}): unknown {
  const value = readXattr(fakeDump(1, facts), 'sim', `user.platdump.${name}`, neverAsked);
  return value instanceof Uint8Array ? Buffer.from(value).toString() : value;
}

test('XATTR_NAMES are the documented ones', () => {
  expect(XATTR_NAMES).toEqual(
    ['tag', 'type', 'name', 'source', 'size_origin', 'delivered', 'state', 'sha256'].map(
      (name) => `user.platdump.${name}`,
    ),
  );
});

describe('readXattr', () => {
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
  ])('$name is $value at once', ({ name, facts, value }) => {
    expect(valueOf(name, facts)).toBe(value);
  });

  test.each<{ directory: Awaited<ReturnType<FakeDump['readDirectory']>>; value: string }>([
    { directory: { name: 'SYSDUMP.1.2.3', size: 9 }, value: 'SYSDUMP.1.2.3' },
    { directory: {}, value: '' },
  ])('name is "$value" for $directory, read under the caller\'s signal', async ({ directory, value }) => {
    const { signal } = new AbortController();
    const readDirectory = vi.fn(() => Promise.resolve(directory));
    const answer = await readXattr(fakeDump(1, { readDirectory }), 'sim', 'user.platdump.name', () => signal);
    expect(Buffer.from(answer).toString()).toBe(value);
    expect(readDirectory).toHaveBeenCalledWith(signal);
  });

  test('name fails as reading the dump fails', async () => {
    const failure = new FsError('EIO', 'hardware error');
    const dump = fakeDump(1, { readDirectory: () => Promise.reject(failure) });
    const answer = readXattr(dump, 'sim', 'user.platdump.name', () => new AbortController().signal);
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
  ])('$name is $code, quietly', ({ name, code }) => {
    const refused: unknown = expect.objectContaining({ code, severity: 'debug' });
    expect(() => readXattr(fakeDump(1), 'sim', name, neverAsked)).toThrow(refused);
    expect(noXattr(name)).toEqual(refused);
  });
});
