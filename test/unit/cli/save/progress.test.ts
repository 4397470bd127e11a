import { expect, test } from 'vitest';
import { Progress } from '../../../../src/cli/save/progress.js';

const MIB = 1024 ** 2;

test('Progress tells share and rate of a dump, and how long all of them will take', () => {
  const progress = new Progress(
    [
      { tag: '0x1', size: 100 * MIB },
      { tag: '0x2', size: 300 * MIB },
    ],
    0,
  );
  progress.next();
  progress.update(50 * MIB, 100 * MIB, 1000);
  expect(progress.line()).toBe('1/2  0x1  [##########..........]  50 % of 100.0 MiB, 50.0 MiB/s, 0:07 left');
  progress.update(100 * MIB, 100 * MIB, 2000);
  progress.next();
  progress.update(75 * MIB, 300 * MIB, 4000);
  expect(progress.line()).toBe('2/2  0x2  [#####...............]  25 % of 300.0 MiB, 43.8 MiB/s, 0:06 left');
});

test('Progress measures the last seconds: a stall shows', () => {
  const progress = new Progress([{ tag: '0x1', size: 1000 * MIB }], 0);
  progress.next();
  progress.update(100 * MIB, 1000 * MIB, 1000);
  for (let at = 2000; at <= 11_000; at += 1000) progress.update(100 * MIB + at / 1000, 1000 * MIB, at);
  expect(progress.line()).toMatch(/^0x1 {2}\[##\.{18}\] {2}10 % of 1000\.0 MiB, 1 B\/s, \d+:\d\d:\d\d left$/);
});

test('Progress promises no end where the size of a later dump is not known', () => {
  const progress = new Progress(
    [
      { tag: '0x1', size: MIB },
      { tag: '0x2', size: undefined },
    ],
    0,
  );
  progress.next();
  progress.update(MIB / 2, MIB, 1000);
  expect(progress.line()).toBe('1/2  0x1  [##########..........]  50 % of 1.0 MiB, 512.0 KiB/s');
});
