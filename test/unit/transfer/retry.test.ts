import { describe, expect, test } from 'vitest';
import { Retry } from '../../../src/transfer/retry.js';

const MINUTE_MS = 60_000;

function policyAt(start = 1_000): { policy: Retry; wait: (ms: number) => void } {
  let nowMs = start;
  return { policy: new Retry(() => nowMs), wait: (ms) => void (nowMs += ms) };
}

function failedTwice(position: number): ReturnType<typeof policyAt> {
  const made = policyAt();
  made.policy.failed(position);
  made.policy.failed(position);
  return made;
}

describe('Retry.wantsFreshPass', () => {
  test('nothing failed: no', () => {
    expect(policyAt().policy.wantsFreshPass(0)).toBe(false);
  });

  test('the first failure: the same call again on the same handle', () => {
    const { policy } = policyAt();
    policy.failed(4096);
    expect(policy.wantsFreshPass(4096)).toBe(false);
  });

  test('the second failure at one position: yes, once, also on a clock that starts at 0', () => {
    const { policy } = policyAt(0);
    policy.failed(0);
    policy.failed(0);
    expect(policy.wantsFreshPass(0)).toBe(true);
    policy.beginAfresh();
    expect(policy.wantsFreshPass(0)).toBe(false);
  });

  test('a pass that stands elsewhere is not given up', () => {
    expect(failedTwice(4096).policy.wantsFreshPass(0)).toBe(false);
  });

  test('failures at two positions are first failures both', () => {
    const { policy } = policyAt();
    policy.failed(4096);
    policy.failed(8192);
    expect(policy.wantsFreshPass(8192)).toBe(false);
    policy.failed(4096);
    expect(policy.wantsFreshPass(4096)).toBe(false);
  });

  test('a dump that fails for ever costs one fresh pass a minute', () => {
    const { policy, wait } = failedTwice(4096);
    expect(policy.wantsFreshPass(4096)).toBe(true);
    policy.beginAfresh();
    policy.failed(4096);
    wait(MINUTE_MS - 1);
    expect(policy.wantsFreshPass(4096)).toBe(false);
    policy.failed(4096);
    wait(1);
    expect(policy.wantsFreshPass(4096)).toBe(true);
    policy.beginAfresh();
    expect(policy.wantsFreshPass(4096)).toBe(false);
  });

  test('the minute counts across positions: passes are what costs', () => {
    const { policy } = failedTwice(4096);
    expect(policy.wantsFreshPass(4096)).toBe(true);
    policy.beginAfresh();
    policy.failed(8192);
    policy.failed(8192);
    expect(policy.wantsFreshPass(8192)).toBe(false);
  });
});

describe('Retry.isPending', () => {
  test.each([
    { passed: 4095, pending: true },
    { passed: 4096, pending: true },
    { passed: 4097, pending: false },
  ])('after a failure at 4096 and bytes up to $passed: $pending', ({ passed, pending }) => {
    const { policy } = policyAt();
    expect(policy.isPending).toBe(false);
    policy.failed(4096);
    policy.passed(passed);
    expect(policy.isPending).toBe(pending);
  });

  test('a position that was passed starts counting anew', () => {
    const { policy } = policyAt();
    policy.failed(4096);
    policy.passed(5000);
    policy.failed(4096);
    expect(policy.wantsFreshPass(4096)).toBe(false);
  });
});
