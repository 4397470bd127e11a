import { expect, test } from 'vitest';
import { threadEntry } from '../../../src/base/thread-entry.js';

test.each([
  {
    why: 'compiled: from the root',
    here: 'file:///opt/p/build/base/thread-entry.js',
    entry: 'file:///opt/p/build/transfer/hand-thread.js',
  },
  {
    why: 'bundled into another file: from the root as well',
    here: 'file:///opt/p/dist/cli/shared.js',
    entry: 'file:///opt/p/dist/transfer/hand-thread.js',
  },
  {
    why: 'source: what is shipped',
    here: 'file:///opt/p/src/base/thread-entry.ts',
    entry: 'file:///opt/p/dist/transfer/hand-thread.js',
  },
  {
    why: 'source below another src: only the innermost one is replaced',
    here: 'file:///usr/src/p/src/base/thread-entry.ts',
    entry: 'file:///usr/src/p/dist/transfer/hand-thread.js',
  },
  {
    why: 'shipped below src: nothing is replaced',
    here: 'file:///usr/src/p/dist/cli/shared.js',
    entry: 'file:///usr/src/p/dist/transfer/hand-thread.js',
  },
  {
    why: 'blanks in the path stay escaped',
    here: 'file:///my%20files/src/base/thread-entry.ts',
    entry: 'file:///my%20files/dist/transfer/hand-thread.js',
  },
])('threadEntry, $why', ({ here, entry }) => {
  expect(threadEntry('transfer/hand-thread.js', here).href).toBe(entry);
});
