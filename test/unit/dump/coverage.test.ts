import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Coverage } from '../../../src/dump/coverage.js';

const SPAN = 48;
const sizes = Array.from({ length: SPAN + 2 }, (_, size) => size);

/** What coverage means, byte by byte. */
class Bytes {
  readonly set = new Set<number>();

  add(start: number, end: number): void {
    for (let byte = start; byte < end; byte += 1) this.set.add(byte);
  }

  get edges(): number[] {
    return Array.from({ length: SPAN + 1 }, (_, at) => at).filter(
      (at) => this.set.has(at) !== this.set.has(at - 1),
    );
  }

  covers(size: number): boolean {
    return Array.from({ length: size }, (_, byte) => byte).every((byte) => this.set.has(byte));
  }
}

describe('Coverage', () => {
  test('equals a set of bytes after any additions', () => {
    const range = fc.tuple(fc.nat(SPAN), fc.nat(SPAN));
    const steps = fc.array(fc.oneof({ weight: 15, arbitrary: range }, fc.constant('clear' as const)));
    fc.assert(
      fc.property(steps, (all) => {
        const coverage = new Coverage();
        const model = new Bytes();
        for (const step of all) {
          if (step === 'clear') {
            coverage.clear();
            model.set.clear();
          } else {
            coverage.add(...step);
            model.add(...step);
          }
          expect(coverage.total).toBe(model.set.size);
          expect(coverage.edges).toEqual(model.edges);
          expect(sizes.filter((size) => coverage.covers(size))).toEqual(
            sizes.filter((size) => model.covers(size)),
          );
        }
      }),
      { numRuns: 300 },
    );
  });

  test('is complete whatever the order in which the pieces of a dump arrived', () => {
    const pieces = Array.from({ length: 12 }, (_, at) => at);
    fc.assert(
      fc.property(fc.shuffledSubarray(pieces, { minLength: 12 }), (order) => {
        const coverage = new Coverage();
        order.forEach((at, count) => {
          expect(coverage.covers(12 * 4096)).toBe(false);
          expect(coverage.total).toBe(count * 4096);
          coverage.add(at * 4096, (at + 1) * 4096);
        });
        expect(coverage.covers(12 * 4096)).toBe(true);
      }),
    );
  });

  test('a gap of one byte is a gap, also beyond 4 GiB', () => {
    const coverage = new Coverage();
    const size = 5 * 2 ** 30;
    coverage.add(0, size - 2);
    coverage.add(size - 1, size);
    expect(coverage.covers(size)).toBe(false);
    expect(coverage.total).toBe(size - 1);
    coverage.add(size - 2, size - 1);
    expect(coverage.covers(size)).toBe(true);
    expect(coverage.covers(size + 1)).toBe(false);
  });

  test.each([
    { start: 5, end: 5 },
    { start: 9, end: 5 },
  ])('adding [$start, $end) adds nothing', ({ start, end }) => {
    const coverage = new Coverage();
    coverage.add(start, end);
    expect(coverage.total).toBe(0);
    expect(coverage.covers(1)).toBe(false);
  });

  test('covers a dump of no bytes without any delivery', () => {
    expect(new Coverage().covers(0)).toBe(true);
  });
});
