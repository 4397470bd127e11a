import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dumpTag } from '../../../src/base/tag.js';
import { MOST_TAGS } from '../../../src/dump/index.js';
import { formatKnownTags, parseKnownTags } from '../../../src/announce/state-file.js';

const A = dumpTag(0x2_0000_0001n);
const AT_MS = Date.UTC(2026, 10, 22, 8, 12, 0, 990);

test('formatKnownTags writes tag, size and time only', () => {
  const text = formatKnownTags([
    { tag: A, size: 4096, announcedAtMs: AT_MS },
    { tag: dumpTag(2n ** 64n - 1n) },
  ]);
  expect(text.split('\n').slice(1)).toEqual([
    '0x0000000200000001 4096 2026-11-22T08:12:00.990Z',
    '0xffffffffffffffff - -',
    '',
  ]);
});

test('parseKnownTags reads what was written, as old knowledge', () => {
  const tag = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(dumpTag);
  const size = fc.option(fc.maxSafeNat(), { nil: undefined });
  const announcedAtMs = fc.option(
    fc.nat(4_000_000_000).map((s) => s * 1000),
    { nil: undefined },
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.record({ tag, size, announcedAtMs }), { selector: (known) => known.tag }),
      (known) => {
        const written = known.map(({ tag, size, announcedAtMs }) => ({
          tag,
          ...(size === undefined ? {} : { size }),
          ...(announcedAtMs === undefined ? {} : { announcedAtMs }),
        }));
        expect(parseKnownTags(formatKnownTags(written))).toEqual({
          tags: written.map((one) => ({ ...one, isRemembered: true })),
          badLines: 0,
        });
      },
    ),
  );
});

test.each([
  'x',
  '0x200000001 4096 -',
  '0X0000000200000001 4096 -',
  '0x0000000200000001 4096',
  '0x0000000200000001 -1 -',
  '0x0000000200000001 9999999999999999 -',
  '0x0000000200000001 4096 yesterday',
  '0x0000000200000001 4096 - more',
  '\0\0\0',
])('parseKnownTags ignores %j and reads the lines around it', (line) => {
  const good = '0x0000000200000001 4096 -';
  expect(parseKnownTags(`# heading\n${line}\n\n${good}\n`)).toEqual({
    tags: [{ tag: A, size: 4096, isRemembered: true }],
    badLines: 1,
  });
});

test('parseKnownTags takes any text', () => {
  fc.assert(fc.property(fc.string({ maxLength: 400 }), (text) => void parseKnownTags(text)));
  expect(parseKnownTags('')).toEqual({ tags: [], badLines: 0 });
});

test('parseKnownTags takes the last of several lines, and no more tags than there can be', () => {
  const twice = ['0x0000000200000001 1 -', '0x0000000200000001 2 -'].join('\n');
  expect(parseKnownTags(twice).tags).toEqual([{ tag: A, size: 2, isRemembered: true }]);
  const many = Array.from({ length: MOST_TAGS + 3 }, (_, at) => ({ tag: dumpTag(BigInt(at)) }));
  const { tags, badLines } = parseKnownTags(formatKnownTags(many));
  expect({ tags: tags.length, badLines }).toEqual({ tags: MOST_TAGS, badLines: 3 });
});
