/**
 * The directory that a platform dump begins with: one FILE entry, then SECTION entries, big-endian.
 * @see LoPAR, "Platform Dump Directory Structure"
 */
export interface DumpDirectory {
  /** File name that the dump itself suggests, made safe as a leaf name; absent when it has none. */
  readonly name?: string;
  /** Sum of all entries and data areas in bytes; absent when it does not add up to a plausible number. */
  readonly size?: number;
}

export type DirectoryReading =
  | { readonly kind: 'directory'; readonly directory: DumpDirectory }
  /** The bytes so far are a directory's beginning; `bytes` of the dump are needed to go on. */
  | { readonly kind: 'incomplete'; readonly bytes: number; readonly soFar?: DumpDirectory }
  | { readonly kind: 'none' };

const FILE_MAGIC = 'FILE    ';
const SECTION_MAGIC = 'SECTION ';
const FILE_NAME_AT = 0x18;
const FILE_NAME_MAX = 46;
const SECTION_LENGTH_AT = 0x18;
const SECTION_FIXED_BYTES = 0x20;
const FLAG_LAST = 0x1;
const FLAG_NOT_TRANSMITTED = 0x2;
const MOST_DIRECTORY_BYTES = 64 * 1024;

/** Interprets the first bytes of a dump. Never throws, whatever they are. */
export function readDirectory(head: Uint8Array): DirectoryReading {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < FILE_NAME_AT) return { kind: 'incomplete', bytes: FILE_NAME_AT };
  if (ascii(head, 0, FILE_MAGIC.length) !== FILE_MAGIC) return { kind: 'none' };
  const fileLength = view.getUint16(8);
  if (fileLength < FILE_NAME_AT) return { kind: 'none' };
  if (head.length < fileLength) return { kind: 'incomplete', bytes: fileLength };
  const name = safeName(head.subarray(FILE_NAME_AT, Math.min(fileLength, FILE_NAME_AT + FILE_NAME_MAX)));
  return addSections(head, view, fileLength, name === undefined ? {} : { name });
}

function addSections(head: Uint8Array, view: DataView, from: number, named: DumpDirectory): DirectoryReading {
  let size = BigInt(from);
  for (let at = from; ;) {
    if (at + SECTION_FIXED_BYTES > MOST_DIRECTORY_BYTES) return { kind: 'directory', directory: named };
    if (head.length < at + SECTION_FIXED_BYTES)
      return { kind: 'incomplete', bytes: at + SECTION_FIXED_BYTES, soFar: named };
    const length = view.getUint16(at + 8);
    if (ascii(head, at, SECTION_MAGIC.length) !== SECTION_MAGIC || length < SECTION_FIXED_BYTES)
      return { kind: 'directory', directory: named };
    const flags = view.getUint32(at + 0x10);
    size += BigInt(length);
    if ((flags & FLAG_NOT_TRANSMITTED) === 0) size += view.getBigUint64(at + SECTION_LENGTH_AT);
    if ((flags & FLAG_LAST) !== 0) break;
    at += length;
  }
  const fits = size <= BigInt(Number.MAX_SAFE_INTEGER);
  return { kind: 'directory', directory: fits ? { ...named, size: Number(size) } : named };
}

function ascii(bytes: Uint8Array, from: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(from, from + length));
}

/**
 * The field as leaf name: up to its NUL; what is not a letter, digit, dot, dash or underscore becomes an underscore,
 * so that nothing in it can leave a directory or upset a terminal.
 */
function safeName(field: Uint8Array): string | undefined {
  const end = field.indexOf(0);
  const raw = ascii(field, 0, end < 0 ? field.length : end);
  const name = raw.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^[.-]+/, '');
  return name === '' ? undefined : name;
}
