import { expect, test } from 'vitest';
import { splitMountList } from '../../../../src/cli/options/mount-list.js';
import { standardMountWord } from '../../../../src/cli/options/mount-words.js';

const LABEL = 'system_u:object_r:tmp_t:s0';

test.each([
  { text: `context=${LABEL}`, option: `context=${LABEL}` },
  { text: `context="${LABEL}"`, option: `context="${LABEL}"` },
  { text: `context="${LABEL}:c1,c2"`, option: `context="${LABEL}:c1,c2"` },
  { text: `context=${LABEL}\\,allow_other`, option: `context="${LABEL},allow_other"` },
  { text: `rootcontext=a\\,dev\\,suid`, option: 'rootcontext="a,dev,suid"' },
])('$text is one option for the kernel: $option', ({ text, option }) => {
  expect(splitMountList(text).map(standardMountWord)).toEqual([{ kind: 'kernel', option }]);
});

test.each([
  { text: 'context="a\\",allow_other,b="', why: 'a quote inside' },
  { text: 'context=a"\\,allow_other\\,"', why: 'quotes around a part' },
  { text: 'context=a\\\\', why: 'a backslash' },
  { text: 'context=a\nb', why: 'a line feed' },
  { text: 'context=', why: 'nothing' },
  { text: 'context=""', why: 'nothing in quotes' },
])('a label with $why is refused', ({ text }) => {
  expect(() => splitMountList(text).map(standardMountWord)).toThrow('expected a security label');
});

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
