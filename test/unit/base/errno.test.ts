import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { ErrnoName } from '../../../src/base/errno.js';
import { errnoName, FsError, interrupted } from '../../../src/base/errno.js';

describe('FsError', () => {
  test('carries code, severity, fields and cause', () => {
    const cause = new Error('below');
    const error = new FsError('EBUSY', 'held', { severity: 'info', fields: { tag: '0x1' }, cause });
    expect(error).toMatchObject({ name: 'FsError', code: 'EBUSY', message: 'held', severity: 'info', cause });
    expect(error.fields).toEqual({ tag: '0x1' });
  });

  test('defaults to a warning without fields or cause', () => {
    const error = new FsError('EIO', 'failed');
    expect(error).toMatchObject({ severity: 'warn', fields: {} });
    expect('cause' in error).toBe(false);
  });

  test.each<ErrnoName>(['EIO', 'EPERM', 'EBUSY', 'ESTALE', 'EINTR', 'ENOTSUP'])(
    'wireErrno of %s is the negative number of this platform',
    (code) => {
      expect(new FsError(code, '').wireErrno).toBe(-constants.errno[code]);
    },
  );
});

describe('FsError.from', () => {
  test('returns an FsError as it is', () => {
    const error = new FsError('ENOENT', 'no such dump', { severity: 'debug' });
    expect(FsError.from(error)).toBe(error);
  });

  test.each([
    { thrown: new TypeError('x is undefined'), message: 'unexpected failure: x is undefined' },
    { thrown: 'text', message: 'unexpected failure: text' },
    { thrown: undefined, message: 'unexpected failure: undefined' },
  ])('makes a loud EIO of $thrown and keeps it as cause', ({ thrown, message }) => {
    const error = FsError.from(thrown);
    expect(error).toMatchObject({ code: 'EIO', severity: 'error', message });
    expect(error.cause).toBe(thrown);
  });
});

describe('errnoName', () => {
  test.each([
    { errno: constants.errno.EPERM, name: 'EPERM' },
    { errno: -constants.errno.EALREADY, name: 'EALREADY' },
    { errno: constants.errno.EAGAIN, name: 'EAGAIN' },
    { errno: constants.errno.ENOTSUP, name: 'ENOTSUP' },
    { errno: 0, name: 'EIO' },
    { errno: 99_999, name: 'EIO' },
  ])('$errno is $name', ({ errno, name }) => {
    expect(errnoName(errno)).toBe(name);
  });

  test('names every errno of the platform by a name with that number', () => {
    for (const value of Object.values(constants.errno))
      expect(constants.errno[errnoName(value)], `errno ${value}`).toBe(value);
  });
});

test('interrupted() is a quiet EINTR', () => {
  expect(interrupted()).toMatchObject({ code: 'EINTR', severity: 'debug' });
});
