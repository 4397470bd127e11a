import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitMountList } from '../../../../src/cli/options/mount-list.js';

describe('splitMountList', () => {
  test.each([
    { text: '', items: [] },
    { text: 'ro', items: [{ name: 'ro' }] },
    { text: 'ro,source=sim', items: [{ name: 'ro' }, { name: 'source', value: 'sim' }] },
    { text: ',,ro,', items: [{ name: 'ro' }] },
    { text: 'a=', items: [{ name: 'a', value: '' }] },
    { text: 'a=b=c', items: [{ name: 'a', value: 'b=c' }] },
    { text: 'sim-dir=/a\\,b,ro', items: [{ name: 'sim-dir', value: '/a,b' }, { name: 'ro' }] },
    { text: 'sim-dir=/a\\\\b', items: [{ name: 'sim-dir', value: '/a\\b' }] },
    { text: 'sim-dir=/a\\', items: [{ name: 'sim-dir', value: '/a\\' }] },
    { text: 'sim-dir=/two\nlines', items: [{ name: 'sim-dir', value: '/two\nlines' }] },
    {
      text: 'context="system_u:object_r:tmp_t:s0:c127,c456",noexec',
      items: [{ name: 'context', value: '"system_u:object_r:tmp_t:s0:c127,c456"' }, { name: 'noexec' }],
    },
    { text: 'sim-dir=/a\\"b,ro', items: [{ name: 'sim-dir', value: '/a"b' }, { name: 'ro' }] },
  ])('splits $text', ({ text, items }) => {
    expect(splitMountList(text)).toEqual(items);
  });

  test('gives back every value whose commas, quotes and backslashes were escaped', () => {
    const escape = (value: string): string => value.replace(/[\\,"]/g, '\\$&');
    fc.assert(
      fc.property(fc.array(fc.string()), (values) => {
        const items = values.map((value, index) => ({ name: `n${index}`, value }));
        const text = items.map(({ name, value }) => `${name}=${escape(value)}`).join(',');
        expect(splitMountList(text)).toEqual(items);
      }),
    );
  });
});
