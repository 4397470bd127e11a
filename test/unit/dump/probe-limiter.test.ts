import { describe, expect, test, vi } from 'vitest';
import { FsError } from '../../../src/base/errno.js';
import { ProbeLimiter } from '../../../src/dump/probe-limiter.js';
import { deferred } from '../../support/deferred.js';

const EAGAIN: unknown = expect.objectContaining({ code: 'EAGAIN' });

function limiterAt(
  startMs = 0,
  mostAtOnce?: number,
): {
  limiter: ProbeLimiter<string, string | undefined>;
  wait: (ms: number) => void;
} {
  let nowMs = startMs;
  return { limiter: new ProbeLimiter(() => nowMs, mostAtOnce), wait: (ms) => void (nowMs += ms) };
}

const there = (): Promise<string> => Promise.resolve('dump');
const notThere = (): Promise<undefined> => Promise.resolve(undefined);

describe('ProbeLimiter answers', () => {
  test('what the question answers', async () => {
    const { limiter } = limiterAt();
    await expect(limiter.ask('a', there)).resolves.toBe('dump');
    await expect(limiter.ask('b', notThere)).resolves.toBeUndefined();
  });

  test('all who ask for one key at once with one question', async () => {
    const { limiter } = limiterAt();
    const answer = deferred<string>();
    const question = vi.fn(() => answer.promise);
    const asked = [1, 2, 3].map(() => limiter.ask('a', question));
    answer.resolve('dump');
    await expect(Promise.all(asked)).resolves.toEqual(['dump', 'dump', 'dump']);
    expect(question).toHaveBeenCalledOnce();
  });

  test('a "not there" from memory for 2 seconds', async () => {
    const { limiter, wait } = limiterAt();
    await limiter.ask('a', notThere);
    wait(1999);
    const question = vi.fn(there);
    await expect(limiter.ask('a', question)).resolves.toBeUndefined();
    expect(question).not.toHaveBeenCalled();
    wait(1);
    await expect(limiter.ask('a', question)).resolves.toBe('dump');
  });

  test('a "there" or a failure anew each time', async () => {
    const { limiter } = limiterAt();
    const failure = new FsError('EIO', 'hardware error');
    const question = vi.fn(there).mockRejectedValueOnce(failure);
    await expect(limiter.ask('a', question)).rejects.toBe(failure);
    await expect(limiter.ask('a', question)).resolves.toBe('dump');
    await expect(limiter.ask('a', question)).resolves.toBe('dump');
    expect(question).toHaveBeenCalledTimes(3);
  });

  test('all who wait with the failure of their question', async () => {
    const { limiter } = limiterAt();
    const answer = deferred<string>();
    const asked = [1, 2].map(() => limiter.ask('a', () => answer.promise));
    answer.reject(new FsError('EBUSY', 'held'));
    for (const one of asked) await expect(one).rejects.toMatchObject({ code: 'EBUSY' });
  });
});

describe('ProbeLimiter rate', () => {
  async function askMany(limiter: ProbeLimiter<string, string | undefined>, count: number, prefix = 'k') {
    const keys = Array.from({ length: count }, (_, at) => `${prefix}${at}`);
    const results = await Promise.allSettled(keys.map((key) => limiter.ask(key, notThere)));
    return results.filter((result) => result.status === 'fulfilled').length;
  }

  test.each([0, 1e9])('10 questions in a burst, then EAGAIN, on a clock at %d', async (startMs) => {
    const { limiter } = limiterAt(startMs);
    await expect(askMany(limiter, 10)).resolves.toBe(10);
    const question = vi.fn(there);
    await expect(limiter.ask('one more', question)).rejects.toEqual(EAGAIN);
    expect(question).not.toHaveBeenCalled();
  });

  test.each([
    { waitedMs: 99, more: 0 },
    { waitedMs: 100, more: 1 },
    { waitedMs: 550, more: 5 },
    { waitedMs: 3_600_000, more: 10 },
  ])('after $waitedMs ms another $more', async ({ waitedMs, more }) => {
    const { limiter, wait } = limiterAt();
    await askMany(limiter, 10);
    wait(waitedMs);
    await expect(askMany(limiter, 20, 'later')).resolves.toBe(more);
  });

  test('neither a shared question nor a remembered "no" counts', async () => {
    const { limiter } = limiterAt();
    const answer = deferred<undefined>();
    const shared = Array.from({ length: 50 }, () => limiter.ask('a', () => answer.promise));
    answer.resolve(undefined);
    await Promise.all(shared);
    for (let count = 0; count < 50; count += 1) await limiter.ask('a', there);
    await expect(askMany(limiter, 20)).resolves.toBe(9);
  });

  test('an impatient caller does not lose what had come back', async () => {
    const { limiter, wait } = limiterAt();
    await askMany(limiter, 10);
    for (let tries = 0; tries < 9; tries += 1) {
      wait(10);
      await expect(limiter.ask('a', there)).rejects.toEqual(EAGAIN);
    }
    wait(11);
    await expect(limiter.ask('a', there)).resolves.toBe('dump');
  });
});

test('ProbeLimiter has no more questions under way than it may', async () => {
  const { limiter } = limiterAt(0, 2);
  const answer = deferred<string>();
  const asked = ['a', 'b'].map((key) => limiter.ask(key, () => answer.promise));
  await expect(limiter.ask('c', there)).rejects.toEqual(EAGAIN);
  answer.resolve('dump');
  await Promise.all(asked);
  await expect(limiter.ask('c', there)).resolves.toBe('dump');
});

test('ProbeLimiter refuses without a word in the log', async () => {
  const { limiter } = limiterAt(0, 0);
  await expect(limiter.ask('a', there)).rejects.toMatchObject({ severity: 'debug' });
});

test('ProbeLimiter asks again for any of thousands of names, once their "no" is old', async () => {
  const { limiter, wait } = limiterAt();
  for (let at = 0; at < 3000; at += 1) {
    await limiter.ask(`k${at}`, notThere);
    wait(100);
  }
  await expect(limiter.ask('k0', there)).resolves.toBe('dump');
  await expect(limiter.ask('k2999', there)).resolves.toBeUndefined();
});
