import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeStatus } from '../../../src/rtas/index.js';

describe('decodeStatus', () => {
  test.each([
    { status: 0, outcome: { kind: 'complete' } },
    { status: 1, outcome: { kind: 'more' } },
    { status: -1, outcome: { kind: 'failed', code: 'EIO', reason: 'hardware error' } },
    { status: -2, outcome: { kind: 'retry', delayMs: 0 } },
    { status: -9002, outcome: { kind: 'failed', code: 'EPERM', reason: 'not authorized' } },
    { status: 9900, outcome: { kind: 'retry', delayMs: 1 } },
    { status: 9901, outcome: { kind: 'retry', delayMs: 10 } },
    { status: 9902, outcome: { kind: 'retry', delayMs: 100 } },
    { status: 9903, outcome: { kind: 'retry', delayMs: 1000 } },
    { status: 9904, outcome: { kind: 'retry', delayMs: 10_000 } },
    { status: 9905, outcome: { kind: 'retry', delayMs: 100_000 } },
  ])('$status is $outcome.kind', ({ status, outcome }) => {
    expect(decodeStatus(status)).toEqual(outcome);
  });

  test.each([2, -3, 9899, 9906, -9000, -9001, -9003, -1001, 0x7fff_ffff, -0x8000_0000])(
    '%d is outside the specification: EIO that names it',
    (status) => {
      expect(decodeStatus(status)).toEqual({
        kind: 'failed',
        code: 'EIO',
        reason: `unknown RTAS status ${status}`,
      });
    },
  );

  test('never throws, and never asks for a wait beyond the longest extended delay', () => {
    fc.assert(
      fc.property(fc.integer(), (status) => {
        const outcome = decodeStatus(status);
        expect(outcome.kind === 'retry' ? outcome.delayMs : 0).toBeLessThanOrEqual(100_000);
      }),
    );
  });
});
