import { expect, test } from 'vitest';
import { liesInSecurityfs } from '../../../src/lockdown/securityfs.js';

const SYSFS = '22 27 0:21 / /sys rw,nosuid shared:7 - sysfs sysfs rw';
const SECURITYFS = '23 22 0:6 / /sys/kernel/security rw,nosuid shared:8 - securityfs securityfs rw';
const LOCKDOWN = '/sys/kernel/security/lockdown';

test.each([
  { what: 'securityfs in its place', mounts: [SYSFS, SECURITYFS], path: LOCKDOWN, expected: true },
  {
    what: 'securityfs listed before its parent',
    mounts: [SECURITYFS, SYSFS],
    path: LOCKDOWN,
    expected: true,
  },
  { what: 'no securityfs', mounts: [SYSFS], path: LOCKDOWN, expected: false },
  { what: 'no mounts at all', mounts: [], path: LOCKDOWN, expected: false },
  {
    what: 'a tmpfs over securityfs',
    mounts: [SYSFS, SECURITYFS, '30 23 0:40 / /sys/kernel/security rw - tmpfs tmpfs rw'],
    path: LOCKDOWN,
    expected: false,
  },
  {
    what: 'a tmpfs over a part of it',
    mounts: [SECURITYFS, '30 23 0:40 / /sys/kernel/security/sub rw - tmpfs tmpfs rw'],
    path: LOCKDOWN,
    expected: true,
  },
  {
    what: 'a mount whose name merely begins alike',
    mounts: ['23 22 0:6 / /sys/kernel/sec rw - securityfs securityfs rw'],
    path: LOCKDOWN,
    expected: false,
  },
  {
    what: 'securityfs bound elsewhere, optional fields absent',
    mounts: ['40 27 0:6 / /host/security ro - securityfs securityfs ro'],
    path: '/host/security/lockdown',
    expected: true,
  },
  {
    what: 'a mount point with a blank in its name',
    mounts: ['40 27 0:6 / /my\\040host/security ro shared:1 - securityfs securityfs ro'],
    path: '/my host/security/lockdown',
    expected: true,
  },
  {
    what: 'securityfs as file system of everything',
    mounts: ['1 0 0:6 / / ro - securityfs none ro'],
    path: '/lockdown',
    expected: true,
  },
  { what: 'a damaged line', mounts: ['garbage', '', SECURITYFS], path: LOCKDOWN, expected: true },
])('liesInSecurityfs is $expected with $what', ({ mounts, path, expected }) => {
  expect(liesInSecurityfs(path, `${mounts.join('\n')}\n`)).toBe(expected);
});
