import { expect, test } from 'vitest';
import { FsError } from '../../../src/base/errno.js';
import { createLogger } from '../../../src/base/log.js';
import { DiscreetLog } from '../../../src/lockdown/index.js';

test('a veiled log tells no tag, size, name or sequence, and still says what happened', () => {
  const lines: string[] = [];
  const discreet = new DiscreetLog(
    createLogger({ level: 'debug', format: 'text', write: (line) => void lines.push(line) }),
  );
  const say = (): void => {
    discreet.log.warn('firmware call failed for 0x0000000200000001', {
      tag: '0x0000000200000001',
      offset: 4096,
      size: 5182368,
      sequence: '0x1f2e3d4c',
      status: -1,
      reason: 'cannot read dump 0x0000000200000001: hardware error',
      error: new FsError('EIO', 'dump 0x0000000200000001 of 5 sections'),
    });
    discreet.log.info('ended');
  };
  say();
  expect(lines.join('')).toContain('tag=0x0000000200000001 offset=4096 size=5182368');
  lines.length = 0;
  discreet.veil();
  say();
  const text = lines.join('');
  for (const told of ['0000000200000001', '4096', '5182368', '1f2e3d4c'])
    expect(text, told).not.toContain(told);
  expect(text).toContain('warn: firmware call failed for (hidden) status=-1');
  expect(text).toContain('hardware error');
  expect(text).toContain('info: ended');
});
