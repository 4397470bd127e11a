import { expect, test } from 'vitest';
import { helperCall } from '../../../../src/cli/mount/helper-call.js';

test.each([
  { given: ['none', '/mnt', '-o', 'rw'], fake: false, sloppy: false, args: ['none', '/mnt', '-o', 'rw'] },
  {
    given: ['none', '/mnt', '-f', '-o', 'rw'],
    fake: true,
    sloppy: false,
    args: ['none', '/mnt', '-o', 'rw'],
  },
  { given: ['none', '/mnt', '-sfnv'], fake: true, sloppy: true, args: ['none', '/mnt'] },
  {
    given: ['none', '/mnt', '-n', '-v', '-t', 'fuse.platdumpfs'],
    fake: false,
    sloppy: false,
    args: ['none', '/mnt'],
  },
  // A value is never an option.
  { given: ['none', '/mnt', '-o', '-s'], fake: false, sloppy: false, args: ['none', '/mnt', '-o', '-s'] },
  { given: ['none', '/mnt', '--daemon'], fake: false, sloppy: false, args: ['none', '/mnt', '--daemon'] },
])('helperCall takes out of $given what only mount(8) says', ({ given, ...expected }) => {
  expect(helperCall(given)).toEqual(expected);
});

test('helperCall refuses a mount namespace', () => {
  expect(() => helperCall(['none', '/mnt', '-N', '/proc/1/ns/mnt'])).toThrow(
    '-N: enter the mount namespace first',
  );
});
