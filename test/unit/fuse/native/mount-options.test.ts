import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../../../src/base/log.js';
import { nativeMountOptions } from '../../../../src/fuse/native/mount-options.js';
import type { MountOptions } from '../../../../src/fuse/transport.js';
import { MountError } from '../../../../src/fuse/transport.js';

const OPTIONS: MountOptions = {
  mountpoint: '/mnt',
  fsname: 'sim',
  allowOther: false,
  readOnly: false,
  kernelOptions: [],
  log: silentLogger,
};

describe('nativeMountOptions', () => {
  test('asks for what the transport relies on', () => {
    const list = nativeMountOptions(OPTIONS).slice('-o'.length).split(',');
    expect(list).toEqual(
      expect.arrayContaining(['subtype=platdumpfs', 'default_permissions', 'use_ino', 'fsname=sim']),
    );
    expect(list).toEqual(
      expect.arrayContaining(['attr_timeout=0', 'entry_timeout=0', 'noforget', 'nonempty']),
    );
    for (const absent of ['hard_remove', 'auto_unmount', 'allow_other', 'ro', 'direct_io'])
      expect(list).not.toContain(absent);
  });

  test.each([
    { change: { allowOther: true }, expected: ',allow_other' },
    { change: { readOnly: true }, expected: ',ro' },
    { change: { fsname: 'a,b\\c' }, expected: ',fsname=a\\,b\\\\c' },
    { change: { kernelOptions: ['nosuid', 'noatime', 'exec'] }, expected: ',nosuid,noatime,exec' },
    { change: { kernelOptions: ['context="u:r:t:s0:c1,c2"'] }, expected: ',context="u:r:t:s0:c1\\,c2"' },
  ])('$change', ({ change, expected }) => {
    expect(nativeMountOptions({ ...OPTIONS, ...change })).toContain(expected);
  });

  test.each([
    { kernelOptions: ['nosuid', 'bogus=1', 'modules=x'], says: 'bogus=1, modules=x' },
    { kernelOptions: ['nodev,hard_remove'], says: 'nodev,hard_remove' },
    { kernelOptions: [`context=${'x'.repeat(1000)}`], says: 'longer than 1023 bytes' },
  ])('refuses $says', ({ kernelOptions, says }) => {
    expect(() => nativeMountOptions({ ...OPTIONS, kernelOptions })).toThrow(MountError);
    expect(() => nativeMountOptions({ ...OPTIONS, kernelOptions })).toThrow(says);
  });
});
