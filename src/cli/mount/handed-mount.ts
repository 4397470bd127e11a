import type { DumpTag } from '../../base/tag.js';
import { tagFromName, tagName } from '../../base/tag.js';
import type { HandedDump, LostReason } from '../../dump/index.js';
import type { HandedHandle } from '../../fs/index.js';
import { inoOfSerial } from '../../fs/index.js';
import type { KnownBytes } from '../../transfer/index.js';
import { BEGINNING_BYTES } from '../../transfer/index.js';

/** All that a daemon needs to go on with the mount of the one before. No byte of a dump is among it. */
export interface HandedMount extends HandedHeader {
  readonly dumps: readonly HandedDump[];
  readonly handles: readonly HandedHandle[];
}

/** What stays the same for as long as the mount is there. */
export interface HandedHeader {
  /** Belongs to one mount, and is the name under which its device is kept. */
  readonly name: string;
  /** What the mount was made with: with other options it is another mount. */
  readonly madeWith: string;
  /** A removal that was accepted under another rule is not carried out. */
  readonly unlink: string;
  readonly mountpoint: string;
  readonly mountId: number;
  readonly mountedAtMs: number;
  readonly generation: number;
  /** The process before has ended in order: nothing was delivered that is not written here. */
  readonly isEnded: boolean;
}

/** One thing that is known, or is so no longer. Later lines count. */
export type HandedLine =
  | { readonly dump: HandedDump }
  | { readonly dumpGone: number }
  | { readonly opened: HandedHandle }
  | { readonly closed: number };

/** Raised whenever an older program would read something wrong into what a newer one writes, or the other way round. */
export const HANDED_FORMAT = 1;

export function headerText(header: HandedHeader): string {
  return textOf({ format: HANDED_FORMAT, ...header });
}

export function lineText(line: HandedLine): string {
  return textOf(line);
}

function textOf(value: object): string {
  const withNames = (_: string, part: unknown): unknown =>
    typeof part === 'bigint' ? tagName(part as DumpTag) : part;
  return `${JSON.stringify(value, withNames)}\n`;
}

/** @throws Error where it is not what this program writes, and so must not be trusted in any part */
export function parseHandedMount(text: string): HandedMount {
  // A daemon that was killed while it wrote has left half a line: nobody has been told of that yet.
  const [first = '', ...lines] = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1);
  const header = headerIn(recordIn(JSON.parse(first)));
  const dumps = new Map<number, HandedDump>();
  const handles = new Map<number, HandedHandle>();
  for (const line of lines) {
    const record = recordIn(JSON.parse(line));
    if ('dump' in record) {
      const dump = dumpIn(recordIn(record['dump']));
      dumps.set(dump.serial, dump);
    } else if ('opened' in record) {
      const handle = handleIn(recordIn(record['opened']));
      handles.set(handle.fh, handle);
    } else if ('dumpGone' in record) dumps.delete(numberIn(record, 'dumpGone'));
    else handles.delete(numberIn(record, 'closed'));
  }
  return { ...header, dumps: [...dumps.values()], handles: [...handles.values()] };
}

/**
 * Dumps that can be told from another one that has taken the tag meanwhile: by their beginning, with which firmware's is
 * compared before a byte goes to anybody. One of which readers may have something, and nothing is known, is gone for those
 * who have it open, and is listed as a new file.
 */
export function tellableDumps({ dumps, handles, isEnded }: HandedMount): readonly HandedDump[] {
  const open = new Set(handles.map(({ ino }) => ino));
  return dumps.map((dump) => {
    const { known, delivered, serial } = dump;
    const isTouched = delivered.length > 0 || (!isEnded && open.has(inoOfSerial(serial)));
    const isTellable = known !== undefined && (known.isWhole || known.beginning !== undefined);
    return isTellable || !isTouched ? dump : { ...dump, isUnlinked: false, lost: dump.lost ?? 'gone' };
  });
}

const LOST: readonly LostReason[] = ['gone', 'not-authorized', 'replaced', 'mixed', 'locked'];

type Parsed = Readonly<Partial<Record<string, unknown>>>;

function headerIn(record: Parsed): HandedHeader {
  if (record['format'] !== HANDED_FORMAT)
    throw new Error(`format ${String(record['format'])} is another one`);
  return {
    name: stringIn(record, 'name'),
    madeWith: stringIn(record, 'madeWith'),
    unlink: stringIn(record, 'unlink'),
    mountpoint: stringIn(record, 'mountpoint'),
    mountId: numberIn(record, 'mountId'),
    mountedAtMs: timeIn(record, 'mountedAtMs'),
    generation: numberIn(record, 'generation'),
    isEnded: record['isEnded'] === true,
  };
}

function dumpIn(record: Parsed): HandedDump {
  return {
    serial: numberIn(record, 'serial'),
    tag: checked(tagFromName(stringIn(record, 'tag')), 'tag'),
    announcedAtMs: timeIn(record, 'announcedAtMs'),
    size: optional(record, 'size', (size) => ({
      bytes: numberIn(size, 'bytes'),
      origin: oneOf(['source', 'announced', 'directory', 'measured'], size, 'origin'),
      exact: size['exact'] === true,
    })),
    known: optional(record, 'known', knownIn),
    delivered: edgesIn(record),
    isSaved: record['isSaved'] === true,
    isUnlinked: record['isUnlinked'] === true,
    lost: record['lost'] === undefined ? undefined : oneOf(LOST, record, 'lost'),
  };
}

function knownIn(record: Parsed): KnownBytes {
  const length = checked(numberIn(record, 'length') || undefined, 'length');
  const beginning = record['beginning'] === undefined ? undefined : digestIn(record, 'beginning');
  // What is compared with firmware's dump would otherwise be something else than what was delivered.
  if ((beginning !== undefined) !== length >= BEGINNING_BYTES) throw new Error('beginning does not fit');
  return { length, digest: digestIn(record, 'digest'), beginning, isWhole: record['isWhole'] === true };
}

function handleIn(record: Parsed): HandedHandle {
  const knownSize = record['knownSize'] === undefined ? undefined : numberIn(record, 'knownSize');
  return { fh: numberIn(record, 'fh'), ino: numberIn(record, 'ino'), knownSize };
}

function edgesIn(record: Parsed): readonly number[] {
  const edges = record['delivered'];
  const isAscending = (edge: unknown, at: number, all: unknown[]): boolean =>
    Number.isSafeInteger(edge) &&
    (edge as number) >= 0 &&
    (at === 0 || (all[at - 1] as number) < (edge as number));
  const isRight = Array.isArray(edges) && edges.length % 2 === 0 && edges.every(isAscending);
  if (!isRight) throw new Error('delivered is no list of ranges');
  return edges as number[];
}

function digestIn(record: Parsed, name: string): string {
  const digest = stringIn(record, name);
  return checked(/^[0-9a-f]{64}$/.test(digest) ? digest : undefined, name);
}

function oneOf<Word extends string>(words: readonly Word[], record: Parsed, name: string): Word {
  return checked(
    words.find((word) => word === record[name]),
    name,
  );
}

function optional<T>(record: Parsed, name: string, read: (part: Parsed) => T): T | undefined {
  return record[name] === undefined ? undefined : read(recordIn(record[name]));
}

function recordIn(value: unknown): Parsed {
  if (typeof value !== 'object' || value === null) throw new Error('a line is no object');
  return value as Parsed;
}

function stringIn(record: Parsed, name: string): string {
  const value = record[name];
  return checked(typeof value === 'string' ? value : undefined, name);
}

/** Nothing that is counted here is ever negative. */
function numberIn(record: Parsed, name: string): number {
  const value = record[name];
  return checked(Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined, name);
}

/** Files have times with fractions of a millisecond. */
function timeIn(record: Parsed, name: string): number {
  const value = record[name];
  return checked(Number.isFinite(value) ? (value as number) : undefined, name);
}

function checked<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`${name} is missing or wrong`);
  return value;
}
