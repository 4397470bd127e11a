import { expect, test } from 'vitest';
import { createLogger } from '../../../../src/base/log.js';
import { Cleanup } from '../../../../src/cli/mount/cleanup.js';

test('Cleanup runs steps once, last first, waits for each, and survives a failing one', async () => {
  const events: string[] = [];
  const log = createLogger({ level: 'info', format: 'text', write: (line) => events.push(line) });
  const cleanup = new Cleanup(log);
  cleanup.add('first', () => events.push('first'));
  cleanup.add('broken', () => {
    throw new Error('cannot close');
  });
  cleanup.add('last', async () => {
    await Promise.resolve();
    events.push('last');
  });
  expect(await cleanup.runWithin(10_000)).toBe(true);
  expect(await cleanup.runWithin(10_000)).toBe(true);
  expect(events).toHaveLength(3);
  expect(events[0]).toBe('last');
  expect(events[1]).toContain('what=broken');
  expect(events[2]).toBe('first');
});

test('Cleanup says when a step takes too long', async () => {
  const cleanup = new Cleanup(createLogger({ level: 'info', format: 'text' }));
  cleanup.add('stuck', () => new Promise(() => undefined));
  expect(await cleanup.runWithin(1)).toBe(false);
});
