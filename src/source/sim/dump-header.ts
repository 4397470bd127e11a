import type { DumpTag } from '../../base/tag.js';
import { mix32 } from './mix.js';

/** Dumps shorter than this are plain bytes. */
export const MIN_SIZE_WITH_DIRECTORY = 256;

const ENTRY_BYTES = 64;
const FILE_ENTRY_TYPE = 1;
const SECTION_ENTRY_TYPE = 2;
const LAST_ENTRY = 1;
const SECTION_NAMES = ['SYSINFO', 'HYPERVISOR', 'TRACES', 'MEMORY'];

/** Serial number of the simulated machine. */
const SERIAL = '10SIM00';
const TYPE_WORDS = new Map([
  [1, 'FSPDUMP'],
  [2, 'SYSDUMP'],
  [3, 'SMADUMP'],
  [4, 'PWRDUMP'],
  [5, 'LOGDUMP'],
]);
const OTHER_TYPE_WORD = 'RSCDUMP';

/**
 * The directory that a platform dump begins with: one FILE entry, then SECTION entries, big-endian. Entries and
 * data areas add up to `sizeBytes`.
 *
 * @see LoPAR, Platform Dump Directory Structure
 */
export function dumpDirectory(tag: DumpTag, sizeBytes: number): Uint8Array {
  const sections = sizeBytes < 16 * ENTRY_BYTES ? SECTION_NAMES.slice(0, 2) : SECTION_NAMES;
  const bytes = new Uint8Array(ENTRY_BYTES * (1 + sections.length));
  fileEntry(bytes.subarray(0, ENTRY_BYTES), tag);
  // Each section takes an eighth of what is left, the last one all of it.
  let left = sizeBytes - bytes.length;
  sections.forEach((name, index) => {
    const isLast = index === sections.length - 1;
    const length = isLast ? left : Math.floor(left / 8);
    left -= length;
    const entry = bytes.subarray(ENTRY_BYTES * (index + 1), ENTRY_BYTES * (index + 2));
    sectionEntry(entry, { name, priority: index, length, isLast });
  });
  return bytes;
}

/** The file name that a simulated dump suggests for itself: type.serial.id.timestamp. */
export function suggestedName(tag: DumpTag): string {
  const type = TYPE_WORDS.get(Number(tag >> 32n)) ?? OTHER_TYPE_WORD;
  const id = Number(tag & 0xffff_ffffn);
  return [type, SERIAL, id.toString(16).toUpperCase().padStart(8, '0'), timestamp(id)].join('.');
}

function timestamp(id: number): string {
  const second = mix32(id, 0x7d1) % (365 * 24 * 3600);
  return new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString().replace(/\D/g, '').slice(0, 14);
}

function fileEntry(entry: Uint8Array, tag: DumpTag): void {
  const view = new DataView(entry.buffer, entry.byteOffset);
  const name = suggestedName(tag);
  writeText(entry, 0x00, 'FILE    ');
  view.setUint16(0x08, ENTRY_BYTES);
  view.setUint16(0x14, FILE_ENTRY_TYPE);
  view.setUint16(0x16, name.indexOf('.') + 1 + SERIAL.length);
  writeText(entry, 0x18, name);
}

interface Section {
  readonly name: string;
  readonly priority: number;
  readonly length: number;
  readonly isLast: boolean;
}

function sectionEntry(entry: Uint8Array, { name, priority, length, isLast }: Section): void {
  const view = new DataView(entry.buffer, entry.byteOffset);
  writeText(entry, 0x00, 'SECTION ');
  view.setUint16(0x08, ENTRY_BYTES);
  view.setUint16(0x0a, priority);
  view.setUint32(0x10, isLast ? LAST_ENTRY : 0);
  view.setUint16(0x14, SECTION_ENTRY_TYPE);
  view.setBigUint64(0x18, BigInt(length));
  writeText(entry, 0x20, name);
}

function writeText(entry: Uint8Array, offset: number, text: string): void {
  entry.set(Buffer.from(text, 'latin1'), offset);
}
