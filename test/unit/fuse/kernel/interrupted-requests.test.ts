import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { InterruptedRequests } from '../../../../src/fuse/kernel/interrupted-requests.js';
import type { KernelRequest } from '../../../../src/fuse/kernel/request.js';
import type { Requester } from '../../../../src/fuse/kernel/requester.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** As much of a request as is looked at. */
interface Waiter {
  readonly request: KernelRequest;
  readonly interrupt: () => void;
}

function waiter(unique: number): Waiter {
  const interrupt = vi.fn();
  return {
    request: { unique: BigInt(unique), pid: unique, interrupt } as unknown as KernelRequest,
    interrupt,
  };
}

class Bench {
  readonly looks: number[] = [];
  readonly requests = new InterruptedRequests((tid) => {
    this.looks.push(tid);
    return this.requester;
  });
  requester: Requester;

  constructor(first: Requester) {
    this.requester = first;
  }
}

describe('InterruptedRequests', () => {
  test.each(['leaving', 'unseen'] as const)('lets a requester go at once that is %s', (requester) => {
    const { requests, looks } = new Bench(requester);
    const { request, interrupt } = waiter(7);
    requests.add(request);
    expect(interrupt).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(1000);
    expect(looks).toEqual([7]);
  });

  test('keeps one that waits, until it leaves: within 100 ms', () => {
    const one = new Bench('waiting');
    const { request, interrupt } = waiter(7);
    one.requests.add(request);
    vi.advanceTimersByTime(60_000);
    expect(interrupt).not.toHaveBeenCalled();
    one.requester = 'leaving';
    vi.advanceTimersByTime(100);
    expect(interrupt).toHaveBeenCalledOnce();
  });

  test('looks no more at one that is answered', () => {
    const one = new Bench('waiting');
    const { request } = waiter(7);
    one.requests.add(request);
    one.requests.delete(7n);
    vi.advanceTimersByTime(10_000);
    expect(one.looks).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('lets one go that is awake half a second long, not one that is now and then', () => {
    const one = new Bench('awake');
    const { request, interrupt } = waiter(7);
    one.requests.add(request);
    vi.advanceTimersByTime(300);
    one.requester = 'waiting';
    vi.advanceTimersByTime(100);
    one.requester = 'awake';
    vi.advanceTimersByTime(400);
    expect(interrupt).not.toHaveBeenCalled();
    vi.advanceTimersByTime(100);
    expect(interrupt).toHaveBeenCalledOnce();
  });

  test('looks at thousands in turn, a bounded number at a time', () => {
    const one = new Bench('waiting');
    for (let tid = 1; tid <= 1000; tid += 1) one.requests.add(waiter(tid).request);
    one.looks.length = 0;
    vi.advanceTimersByTime(100);
    expect(one.looks).toHaveLength(200);
    vi.advanceTimersByTime(400);
    expect(new Set(one.looks).size).toBe(1000);
  });
});
