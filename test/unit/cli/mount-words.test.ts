import { expect, test } from 'vitest';
import { standardMountWord } from '../../../src/cli/mount-words.js';

// What a whole -o list does is tested with parseOptions; here is what a word alone may not do.
test.each([
  { item: { name: 'x-' }, why: 'an extension without a name' },
  { item: { name: 'allow_root' }, why: 'a FUSE option that is not supported' },
  { item: { name: 'suid', value: '1' }, why: 'a value where none belongs' },
  { item: { name: 'ro', value: '' }, why: 'an empty value where none belongs' },
  { item: { name: 'context' }, why: 'a label without a value' },
  { item: { name: 'RO' }, why: 'upper case' },
])('standardMountWord does not know $item: $why', ({ item }) => {
  expect(standardMountWord(item)).toBeUndefined();
});
