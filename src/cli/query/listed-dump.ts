import { printable } from '../../base/printable.js';
import { dumpType, tagName } from '../../base/tag.js';
import { formatSize } from '../../base/size.js';
import type { DumpSummary } from '../../dump/index.js';
import type { DumpSource } from '../../source/index.js';

/** One dump as `list --json` shows it. Fields are only ever added. */
export interface ListedDump {
  readonly tag: string;
  readonly type: string;
  /** Bytes; null: not known yet. */
  readonly size: number | null;
  readonly sizeOrigin: string | null;
  readonly state: string;
  /** Bytes that readers have received. */
  readonly delivered: number;
  /** ISO 8601, when it was announced or first seen. */
  readonly firstSeen: string;
  readonly source: string;
  /** File name that the dump's own header suggests; null: not read yet. */
  readonly name: string | null;
  /** Of the bytes that firmware delivered, in hex; null: not known. */
  readonly sha256: string | null;
  /** There only where the operator said so: the dump is shown at every lockdown level. */
  readonly lockdown?: 'ignored';
}

/** What a running daemon knows. */
export function listedFromSummary(summary: DumpSummary): ListedDump {
  return {
    tag: tagName(summary.tag),
    type: summary.type,
    size: summary.size ?? null,
    sizeOrigin: summary.sizeOrigin ?? null,
    state: summary.state,
    delivered: summary.delivered,
    firstSeen: new Date(summary.announcedAtMs).toISOString(),
    source: summary.source,
    name: summary.name ?? null,
    sha256: summary.sha256 ?? null,
  };
}

/** What a source knows without a firmware call. @param nowMs when it is asked, in milliseconds since the epoch */
export function listedFromSource(source: DumpSource, nowMs: number): ListedDump[] {
  return source.list().map(({ tag, size, sizeOrigin, announcedAtMs }) => ({
    tag: tagName(tag),
    type: dumpType(tag),
    size: size ?? null,
    sizeOrigin: sizeOrigin ?? null,
    state: 'new',
    delivered: 0,
    firstSeen: new Date(announcedAtMs ?? nowMs).toISOString(),
    source: source.name,
    name: null,
    sha256: null,
  }));
}

/** As `--lockdown=ignore` shows them. */
export function shownAtEveryLevel(dumps: readonly ListedDump[]): ListedDump[] {
  return dumps.map((dump) => ({ ...dump, lockdown: 'ignored' }));
}

/** Sorted by tag, so that two listings can be compared. */
export function sortListing<T extends ListedDump>(dumps: readonly T[]): T[] {
  return [...dumps].sort((a, b) => (a.tag < b.tag ? -1 : Number(a.tag > b.tag)));
}

const HEADINGS = ['TAG', 'TYPE', 'SIZE', 'STATE', 'DELIVERED', 'FIRST SEEN'];
const RIGHT_ALIGNED = new Set(['SIZE', 'DELIVERED']);

/** Columns for people; a heading even without dumps. @param mountpointOf for a last column where there are several mounts */
export function listingTable<T extends ListedDump>(
  dumps: readonly T[],
  mountpointOf?: (dump: T) => string,
): string {
  const rows = [
    [...HEADINGS, ...(mountpointOf === undefined ? [] : ['MOUNTPOINT'])],
    ...dumps.map((dump) => [
      ...tableRow(dump),
      ...(mountpointOf === undefined ? [] : [printable(mountpointOf(dump))]),
    ]),
  ];
  const [headings = []] = rows;
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const align = (cell: string, column: number): string => {
    const width = widths[column] ?? 0;
    return RIGHT_ALIGNED.has(headings[column] ?? '') ? cell.padStart(width) : cell.padEnd(width);
  };
  return rows.map((row) => `${row.map(align).join('  ').trimEnd()}\n`).join('');
}

function tableRow(dump: ListedDump): string[] {
  const size = dump.size === null ? '-' : formatSize(dump.size);
  return [dump.tag, dump.type, size, dump.state, formatSize(dump.delivered), localTime(dump.firstSeen)];
}

/** `2026-11-22 08:12:00`, in the local time zone. */
export function localTime(iso: string): string {
  return new Date(iso).toLocaleString('sv-SE');
}
