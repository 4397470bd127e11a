import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BEGINNING } from '../../../src/source/index.js';
import type { StartPoint } from '../../../src/transfer/resume-points.js';
import { ResumePoints, START } from '../../../src/transfer/resume-points.js';

/** Opaque: nothing may be read from it, and every offset has its own. */
function sequenceOf(offset: number): bigint {
  return (BigInt(offset) << 8n) ^ 0xdead_0000_0000_00a5n;
}

function recorded(offsets: readonly number[], most?: number): ResumePoints {
  const index = new ResumePoints(most);
  for (const offset of offsets) index.record(offset, sequenceOf(offset));
  return index;
}

const ascending = fc
  .uniqueArray(fc.integer({ min: 1, max: 150 }), { maxLength: 60 })
  .map((offsets) => offsets.sort((a, b) => a - b));

describe('ResumePoints.nearest', () => {
  test('of an empty index is the beginning', () => {
    expect(new ResumePoints().nearest(1e9)).toBe(START);
    expect(START).toEqual({ offset: 0, resume: BEGINNING });
  });

  test('equals a plain list while the list is not full', () => {
    fc.assert(
      fc.property(ascending, fc.nat(160), (offsets, wanted) => {
        const expected = offsets.filter((offset) => offset <= wanted).at(-1);
        const { offset, resume } = recorded(offsets).nearest(wanted);
        expect(offset).toBe(expected ?? 0);
        expect(resume).toBe(expected === undefined ? BEGINNING : sequenceOf(expected));
      }),
    );
  });

  test('never lies behind the wanted offset, and is a point that was recorded', () => {
    const offsets = fc.array(fc.nat(150), { maxLength: 100 });
    fc.assert(
      fc.property(offsets, fc.integer({ min: 2, max: 8 }), fc.nat(160), (all, most, wanted) => {
        const { offset, resume } = recorded(all, most).nearest(wanted);
        expect(offset).toBeLessThanOrEqual(wanted);
        expect(resume).toBe(offset === 0 ? BEGINNING : sequenceOf(offset));
        expect(offset === 0 || all.includes(offset)).toBe(true);
      }),
    );
  });
});

describe('ResumePoints.record', () => {
  test.each([
    { why: 'the same offset again', offset: 4096, found: 4096 },
    { why: 'an offset before the last one', offset: 100, found: 0 },
    { why: 'offset 0', offset: 0, found: 0 },
  ])('ignores $why', ({ offset, found }) => {
    const index = recorded([4096]);
    index.record(offset, 0xbadn);
    expect(index.nearest(offset)).toEqual(found === 0 ? START : { offset: 4096, resume: sequenceOf(4096) });
  });

  test.each([2, 3, 16, 100])('keeps at most %d points, however long the dump is', (most) => {
    const index = new ResumePoints(most);
    for (let count = 1; count <= 2000; count += 1) {
      index.record(count * 4096, sequenceOf(count * 4096));
      if (count % 97 === 0) expect(distinctPoints(index, count * 4096).size).toBeLessThan(most);
    }
  });

  test('keeps the kept points spread over the whole dump', () => {
    const index = new ResumePoints(64);
    const size = 100_000 * 4096;
    for (let offset = 4096; offset <= size; offset += 4096) index.record(offset, sequenceOf(offset));
    for (let wanted = 0; wanted <= size; wanted += 65_536)
      expect(wanted - index.nearest(wanted).offset).toBeLessThanOrEqual((size / 64) * 4);
  });
});

test('ResumePoints.clear forgets all points, and how sparse they were', () => {
  const index = recorded(
    Array.from({ length: 1000 }, (_, at) => (at + 1) * 4096),
    8,
  );
  index.clear();
  expect(index.nearest(1e9)).toBe(START);
  index.record(10, 1n);
  index.record(20, 2n);
  expect(index.nearest(15)).toEqual({ offset: 10, resume: 1n });
  expect(index.nearest(25)).toEqual({ offset: 20, resume: 2n });
});

function distinctPoints(index: ResumePoints, upTo: number): Set<StartPoint> {
  const points = new Set<StartPoint>();
  for (let offset = 0; offset <= upTo; offset += 4096) points.add(index.nearest(offset));
  points.delete(START);
  return points;
}
