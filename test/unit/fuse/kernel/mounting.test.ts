import { closeSync, openSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../../../src/base/log.js';
import { mayMount } from '../../../../src/fuse/kernel/can-mount.js';
import { adoptedDevice } from '../../../../src/fuse/kernel/device.js';
import { readVerdict } from '../../../../src/fuse/kernel/device-errors.js';
import { mountOptionList } from '../../../../src/fuse/kernel/mount-program.js';
import { connectionOf } from '../../../../src/fuse/kernel/wake-reader.js';
import type { MountOptions } from '../../../../src/fuse/transport.js';
import { MountError } from '../../../../src/fuse/transport.js';

const PLAIN: MountOptions = {
  mountpoint: '/mnt',
  fsname: 'platdumpfs',
  allowOther: false,
  readOnly: false,
  kernelOptions: [],
  log: silentLogger,
};

describe('mountOptionList', () => {
  const ALWAYS = 'fd=3,rootmode=40000,user_id=7,group_id=8,default_permissions,nosuid,nodev';

  test.each([
    { what: 'nothing', options: {}, added: '' },
    { what: 'allow_other', options: { allowOther: true }, added: ',allow_other' },
    { what: 'ro', options: { readOnly: true }, added: ',ro' },
    {
      what: 'what is passed through',
      options: { kernelOptions: ['noexec', 'context=system_u:object_r:x_t:s0'] },
      added: ',noexec,context=system_u:object_r:x_t:s0',
    },
  ])('adds $what', ({ options, added }) => {
    expect(mountOptionList({ ...PLAIN, ...options }, 7, 8)).toBe(ALWAYS + added);
  });
});

describe('mayMount', () => {
  test.each([
    { caps: '000001ffffffffff', may: true },
    { caps: '0000000000200000', may: true },
    { caps: '000001ffffdfffff', may: false },
    { caps: '0000000000000000', may: false },
  ])('CapEff $caps: $may', ({ caps, may }) => {
    expect(mayMount(`Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${caps}\nSeccomp:\t0\n`)).toBe(may);
  });

  test('no CapEff line: no', () => {
    expect(mayMount('Name:\tnode\n')).toBe(false);
  });
});

describe('adoptedDevice', () => {
  test.each(['/mnt/dumps', '/dev/fd', '/dev/fd/x', '/dev/fd/3/', 'dev/fd/3'])(
    '%s is a mount point',
    (path) => {
      expect(adoptedDevice(path)).toBeUndefined();
    },
  );

  test('a descriptor that is not open is refused by name', () => {
    expect(() => adoptedDevice('/dev/fd/987')).toThrow(
      new MountError(
        '/dev/fd/987 is not open: whoever starts us has to pass a FUSE device (podman run --preserve-fds)',
      ),
    );
  });

  test('a descriptor of something else is refused by name', () => {
    const fd = openSync('/dev/null', 'r');
    try {
      expect(() => adoptedDevice(`/dev/fd/${fd}`)).toThrow(`/dev/fd/${fd} is not a FUSE device`);
    } finally {
      closeSync(fd);
    }
  });
});

describe('readVerdict', () => {
  test.each([
    { code: 'ENOENT', mounted: true, verdict: 'retry' },
    { code: 'EINTR', mounted: true, verdict: 'retry' },
    { code: 'EAGAIN', mounted: true, verdict: 'later' },
    { code: 'EPERM', mounted: false, verdict: 'later' },
    { code: 'EPERM', mounted: true, verdict: 'broken' },
    { code: 'ENODEV', mounted: true, verdict: 'unmounted' },
    { code: 'ECONNABORTED', mounted: true, verdict: 'aborted' },
    { code: 'EINVAL', mounted: true, verdict: 'broken' },
    { code: undefined, mounted: true, verdict: 'broken' },
  ])('$code, mounted $mounted: $verdict', ({ code, mounted, verdict }) => {
    expect(readVerdict(code, mounted)).toBe(verdict);
  });
});

test('connectionOf knows none for what is no FUSE device', () => {
  const fd = openSync('/dev/null', 'r');
  expect(connectionOf(fd)).toBeUndefined();
  closeSync(fd);
  expect(connectionOf(98_765)).toBeUndefined();
});
