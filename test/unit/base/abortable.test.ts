import { setImmediate } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { abortable } from '../../../src/base/abortable.js';
import { deferred } from '../../support/deferred.js';

const EINTR: unknown = expect.objectContaining({ code: 'EINTR' });

describe('abortable', () => {
  test('gives what the work gives', async () => {
    const { signal } = new AbortController();
    await expect(abortable(Promise.resolve(7), signal)).resolves.toBe(7);
  });

  test('fails as the work fails', async () => {
    const { signal } = new AbortController();
    const failure = new Error('no');
    await expect(abortable(Promise.reject(failure), signal)).rejects.toBe(failure);
  });

  test('leaves with EINTR when the signal aborts, and takes the work back first', async () => {
    const abort = new AbortController();
    const work = deferred<number>();
    const onAbort = vi.fn();
    const wait = abortable(work.promise, abort.signal, onAbort);
    abort.abort();
    await expect(wait).rejects.toEqual(EINTR);
    expect(onAbort).toHaveBeenCalledOnce();
  });

  test('leaves at once when the signal is aborted already', async () => {
    const onAbort = vi.fn();
    const never = new Promise<number>(() => undefined);
    await expect(abortable(never, AbortSignal.abort(), onAbort)).rejects.toEqual(EINTR);
    expect(onAbort).toHaveBeenCalledOnce();
  });

  test('one caller that leaves takes nothing from the others', async () => {
    const work = deferred<string>();
    const leaver = new AbortController();
    const leaves = abortable(work.promise, leaver.signal);
    const stays = abortable(work.promise, new AbortController().signal);
    leaver.abort();
    work.resolve('bytes');
    await expect(leaves).rejects.toEqual(EINTR);
    await expect(stays).resolves.toBe('bytes');
  });

  test('does nothing on an abort after the work is done', async () => {
    const abort = new AbortController();
    const onAbort = vi.fn();
    await abortable(Promise.resolve(), abort.signal, onAbort);
    await setImmediate();
    abort.abort();
    expect(onAbort).not.toHaveBeenCalled();
  });

  // An unhandled rejection ends the process, and with it everybody else's mount.
  test.each([
    { why: 'before', signalAt: 'start' },
    { why: 'while', signalAt: 'later' },
  ])('handles work that fails after its caller left $why waiting', async ({ signalAt }) => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    try {
      const abort = new AbortController();
      const work = deferred<number>();
      if (signalAt === 'start') abort.abort();
      const wait = abortable(work.promise, abort.signal);
      abort.abort();
      await expect(wait).rejects.toEqual(EINTR);
      work.reject(new Error('too late'));
      await setImmediate();
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unhandled);
    }
  });
});
