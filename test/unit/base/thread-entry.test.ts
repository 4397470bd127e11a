import { expect, test } from 'vitest';
import { threadEntry } from '../../../src/base/thread-entry.js';

test.each([
  {
    why: 'compiled: beside the caller',
    caller: 'file:///opt/p/dist/dump/pump-threads.js',
    entry: 'file:///opt/p/dist/dump/pump-thread.js',
  },
  {
    why: 'source: the compiled twin',
    caller: 'file:///opt/p/src/dump/pump-threads.ts',
    entry: 'file:///opt/p/dist/dump/pump-thread.js',
  },
  {
    why: 'source below another src: only the innermost one is replaced',
    caller: 'file:///usr/src/p/src/dump/pump-threads.ts',
    entry: 'file:///usr/src/p/dist/dump/pump-thread.js',
  },
  {
    why: 'compiled below src: nothing is replaced',
    caller: 'file:///usr/src/p/dist/dump/pump-threads.js',
    entry: 'file:///usr/src/p/dist/dump/pump-thread.js',
  },
  {
    why: 'blanks in the path stay escaped',
    caller: 'file:///my%20files/src/dump/pump-threads.ts',
    entry: 'file:///my%20files/dist/dump/pump-thread.js',
  },
])('threadEntry, $why', ({ caller, entry }) => {
  expect(threadEntry(caller, './pump-thread.js').href).toBe(entry);
});
