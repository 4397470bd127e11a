import { expect, test } from 'vitest';
import { levelIn } from '../../../../src/cli/mount/reload.js';

test.each([
  { text: '', level: 'info' },
  { text: 'PLATDUMPFS_OPTIONS=\n', level: 'info' },
  { text: 'PLATDUMPFS_OPTIONS=--unlink=never --log-level=debug\n', level: 'debug' },
  { text: 'PLATDUMPFS_OPTIONS="--log-level warn --gid=27"\nPLATDUMPFS_MOUNTPOINT=/srv\n', level: 'warn' },
  { text: '#PLATDUMPFS_OPTIONS=--log-level=debug\n', level: 'info' },
  { text: 'PLATDUMPFS_OPTIONS=--log-level=debug\nPLATDUMPFS_OPTIONS=--log-level=error\n', level: 'error' },
])('levelIn($text) is $level', ({ text, level }) => {
  expect(levelIn(text)).toBe(level);
});

test('levelIn refuses what the next start would refuse', () => {
  expect(() => levelIn('PLATDUMPFS_OPTIONS=--log-level=loud\n')).toThrow('--log-level');
});
