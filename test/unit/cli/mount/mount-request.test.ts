import { describe, expect, test } from 'vitest';
import type { MountRequest } from '../../../../src/cli/mount/mount-request.js';
import { mountRequest, passedDescriptor } from '../../../../src/cli/mount/mount-request.js';
import { parseOptions } from '../../../../src/cli/options/parse-options.js';

function request(args: string[], asHelper = false): MountRequest {
  return mountRequest(parseOptions('mount', args), asHelper);
}

describe('mountRequest', () => {
  test.each([
    { args: ['/mnt'], source: 'auto', fsname: 'platdumpfs' },
    { args: ['--source=sim', '/mnt'], source: 'sim', fsname: 'platdumpfs' },
    { args: ['sim', '/mnt'], source: 'sim', fsname: 'sim' },
    { args: ['none', '/mnt', '-o', 'source=sim'], source: 'sim', fsname: 'none' },
    { args: ['platdumpfs', '/mnt', '--source=sim'], source: 'sim', fsname: 'platdumpfs' },
    { args: ['sim', '/mnt', '--source=sim'], source: 'sim', fsname: 'sim' },
    { args: ['auto', '/mnt'], source: 'auto', fsname: 'auto' },
  ])('$args takes source $source and shows as $fsname', ({ args, ...expected }) => {
    expect(request(args)).toMatchObject({ ...expected, mountpoint: '/mnt' });
  });

  test('makes the mount point absolute', () => {
    expect(request(['mnt/']).mountpoint).toBe(`${process.cwd()}/mnt`);
  });

  test('always keeps devices and set-user-id out', () => {
    expect(request(['/mnt', '-o', 'dev,suid,noexec']).kernelOptions).toEqual(['nosuid', 'nodev', 'noexec']);
  });

  test.each([
    { args: ['/mnt'], asHelper: false, daemon: false },
    { args: ['/mnt', '--daemon'], asHelper: false, daemon: true },
    { args: ['sim', '/mnt', '-o', 'rw'], asHelper: true, daemon: true },
    { args: ['sim', '/mnt', '-o', 'foreground'], asHelper: true, daemon: false },
    { args: ['sim', '/mnt', '-f'], asHelper: true, daemon: false },
  ])('$args, as helper $asHelper, goes to the background: $daemon', ({ args, asHelper, daemon }) => {
    expect(request(args, asHelper).daemon).toBe(daemon);
  });

  test.each([
    { args: [], message: 'mount needs a MOUNTPOINT' },
    { args: [''], message: 'mount needs a MOUNTPOINT' },
    { args: ['a', 'b', 'c'], message: 'takes SOURCE and MOUNTPOINT, got 3 arguments' },
    { args: ['floppy', '/mnt'], message: 'unknown source "floppy"' },
    { args: ['sim', '/mnt', '--source=papr'], message: 'source is "sim" in one place and "papr" in another' },
    { args: ['/mnt', '--daemon', '--foreground'], message: 'exclude each other' },
    { args: ['/mnt', '--cache-size=8000000G'], message: '--cache-size: 7812.5 TiB is more than' },
  ])('$args is a usage error', ({ args, message }) => {
    const failing = (): unknown => request(args);
    expect(failing).toThrow(message);
    expect(failing).toThrow(expect.objectContaining({ status: 2 }));
  });
});

test.each([
  { mountpoint: '/dev/fd/3', descriptor: 3 },
  { mountpoint: '/dev/fd/', descriptor: undefined },
  { mountpoint: '/dev/fd/3/x', descriptor: undefined },
  { mountpoint: '/mnt', descriptor: undefined },
])('passedDescriptor($mountpoint) is $descriptor', ({ mountpoint, descriptor }) => {
  expect(passedDescriptor(mountpoint)).toBe(descriptor);
});
