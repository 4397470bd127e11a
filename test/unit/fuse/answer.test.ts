import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { FsError } from '../../../src/base/errno.js';
import type { LogFields, Logger } from '../../../src/base/log.js';
import type { Asked } from '../../../src/fuse/answer.js';
import { answer } from '../../../src/fuse/answer.js';

const { errno } = constants;

interface Line {
  readonly level: string;
  readonly fields: LogFields | undefined;
}

function recorder(): { log: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const at = (level: string) => (_message: string, fields?: LogFields) => void lines.push({ level, fields });
  return { log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines };
}

function asked<T>(
  perform: () => T | Promise<T>,
  succeed?: () => void,
): Asked<T> & { readonly said: unknown[] } {
  const said: unknown[] = [];
  return {
    said,
    operation: 'read',
    perform,
    succeed: (value) => {
      succeed?.();
      said.push(value);
    },
    fail: (wireErrno) => void said.push(wireErrno),
  };
}

describe('answer', () => {
  test('a value is replied to before it returns', () => {
    const request = asked(() => 7);
    expect(answer(request, recorder().log)).toBeUndefined();
    expect(request.said).toEqual([7]);
  });

  test('a promise is replied to when it settles', async () => {
    const request = asked(() => Promise.resolve(7));
    const settled = answer(request, recorder().log);
    expect(request.said).toEqual([]);
    await settled;
    expect(request.said).toEqual([7]);
  });

  test.each([
    {
      how: 'thrown',
      perform: (error: FsError) => () => {
        throw error;
      },
    },
    { how: 'rejected', perform: (error: FsError) => () => Promise.reject(error) },
  ])('a failure that is $how is logged once at its severity, with its fields', async ({ perform }) => {
    const { log, lines } = recorder();
    const failure = new FsError('ESTALE', 'gone', { severity: 'info', fields: { tag: 5n } });
    const request = asked(perform(failure));
    await answer(request, log);
    expect(request.said).toEqual([-errno.ESTALE]);
    expect(lines).toEqual([
      { level: 'info', fields: { op: 'read', errno: 'ESTALE', tag: 5n, error: failure } },
    ]);
  });

  test('what nobody foresaw is EIO, and loud', async () => {
    const { log, lines } = recorder();
    const request = asked(() => Promise.reject(new TypeError('a mistake')));
    await answer(request, log);
    expect(request.said).toEqual([-errno.EIO]);
    expect(lines).toMatchObject([{ level: 'error' }]);
  });

  test.each([
    { how: 'a value', perform: () => 7 },
    { how: 'a promise', perform: () => Promise.resolve(7) },
  ])('a reply that cannot be made of $how fails the request', async ({ perform }) => {
    const request = asked(perform, () => {
      throw new RangeError('no room');
    });
    await answer(request, recorder().log);
    expect(request.said).toEqual([-errno.EIO]);
  });
});
