import { expect, test } from 'vitest';
import { dumpTag } from '../../../../src/base/tag.js';
import type { HandedHeader, HandedLine } from '../../../../src/cli/mount/handed-mount.js';
import {
  headerText,
  lineText,
  parseHandedMount,
  tellableDumps,
} from '../../../../src/cli/mount/handed-mount.js';
import type { HandedDump } from '../../../../src/dump/index.js';

const HEADER: HandedHeader = {
  name: 'platdumpfs-1',
  madeWith: '["/mnt"]',
  unlink: 'delivered',
  mountpoint: '/mnt',
  mountId: 47,
  mountedAtMs: 1_700_000_000_000.5,
  generation: 4_100_840_871,
  isEnded: false,
};

const DUMP: HandedDump = {
  serial: 1,
  tag: dumpTag(0x2_0000_0001n),
  announcedAtMs: 1_700_000_000_000.25,
  size: { bytes: 5000, origin: 'announced', exact: false },
  known: { length: 4500, digest: 'ab'.repeat(32), beginning: '01'.repeat(32), isWhole: false },
  delivered: [0, 100, 200, 4500],
  isSaved: false,
  isUnlinked: false,
  lost: undefined,
};

/** As little as there may be. */
const NEW: HandedDump = {
  ...DUMP,
  serial: 2,
  size: undefined,
  known: undefined,
  delivered: [],
  lost: 'mixed',
};

function written(...lines: readonly HandedLine[]): string {
  return headerText(HEADER) + lines.map(lineText).join('');
}

test('what is written is read again', () => {
  const handle = { fh: 7, ino: 2, knownSize: undefined };
  const text = written({ dump: DUMP }, { dump: NEW }, { opened: handle });
  expect(parseHandedMount(text)).toEqual({ ...HEADER, dumps: [DUMP, NEW], handles: [handle] });
});

test('later lines count', () => {
  const later = { ...DUMP, delivered: [0, 4500], isUnlinked: true };
  const text = written(
    { dump: DUMP },
    { dump: NEW },
    { opened: { fh: 7, ino: 2, knownSize: 5000 } },
    { opened: { fh: 8, ino: 2, knownSize: 5000 } },
    { dump: later },
    { dumpGone: 2 },
    { closed: 7 },
  );
  const handles = [{ fh: 8, ino: 2, knownSize: 5000 }];
  expect(parseHandedMount(text)).toEqual({ ...HEADER, dumps: [later], handles });
});

test('half a last line counts for nothing, wherever it ends', () => {
  const whole = written({ dump: DUMP });
  const half = lineText({ dump: { ...DUMP, isSaved: true } });
  for (let length = 0; length < half.length; length += 1)
    expect(parseHandedMount(whole + half.slice(0, length)).dumps).toEqual([DUMP]);
});

const RIGHT = written({ dump: DUMP }, { opened: { fh: 7, ino: 2, knownSize: 5000 } });

test.each([
  ['nothing', ''],
  ['another format', RIGHT.replace('"format":1', '"format":2')],
  ['no format', RIGHT.replace('"format":1', '"form":1')],
  ['no JSON', RIGHT.replace('{', '(')],
  ['a line that is no object', `${RIGHT}5\n`],
  ['a line of a kind that nobody knows', `${RIGHT}{"moved":5}\n`],
  ['a tag that is none', RIGHT.replace('0x00', '0y00')],
  ['a handle without number', RIGHT.replace('"fh":7', '"fh":"7"')],
  ['ranges that overlap', RIGHT.replace('[0,100,200', '[0,300,200')],
  ['half a range', RIGHT.replace('[0,100,200', '[0,200')],
  ['a digest that is none', RIGHT.replace('abab', 'zzab')],
  ['that a negative number of bytes is known', RIGHT.replace('"length":4500', '"length":-4500')],
  ['that no byte is known', RIGHT.replace('"length":4500', '"length":0')],
  ['a beginning of more than is known', RIGHT.replace('"length":4500', '"length":4095')],
  ['a negative size', RIGHT.replace('"bytes":5000', '"bytes":-5000')],
  ['an origin of a size that nobody knows', RIGHT.replace('"announced"', '"guessed"')],
])('%s is not trusted', (_, text) => {
  expect(() => parseHandedMount(text)).toThrow();
});

const UNKNOWN: HandedDump = { ...DUMP, known: undefined, delivered: [] };
const OPEN = { fh: 7, ino: 2, knownSize: undefined };

test.each([
  { what: 'its beginning is known', dump: DUMP, isEnded: false, lost: undefined },
  {
    what: 'all of it is known, which is less than a beginning',
    dump: { ...DUMP, known: { ...DUMP.known!, beginning: undefined, isWhole: true } },
    isEnded: false,
    lost: undefined,
  },
  {
    what: 'less than its beginning is known',
    dump: { ...DUMP, known: { ...DUMP.known!, beginning: undefined } },
    isEnded: true,
    lost: 'gone',
  },
  {
    what: 'readers have some, and nothing is known',
    dump: { ...UNKNOWN, delivered: [0, 9] },
    isEnded: true,
    lost: 'gone',
  },
  { what: 'it was open when its daemon was killed', dump: UNKNOWN, isEnded: false, lost: 'gone' },
  { what: 'it was open and not read', dump: UNKNOWN, isEnded: true, lost: undefined },
  {
    what: 'nobody had it open',
    dump: { ...UNKNOWN, serial: 9 },
    isEnded: false,
    lost: undefined,
  },
] as const)(
  'a dump can be told from the next one of its tag, or is lost: $what',
  ({ dump, isEnded, lost }) => {
    const mount = { ...HEADER, isEnded, dumps: [dump], handles: [OPEN] };
    expect(tellableDumps(mount)).toEqual([{ ...dump, lost }]);
  },
);
