/** A section with a header of its own; `length` lies where it is given. */
export interface SectionSpec {
  readonly id: string;
  readonly length?: number;
  readonly subtype?: number;
  readonly body?: Uint8Array;
}

export interface LocatorSpec {
  readonly subtype?: number;
  readonly id?: number;
  readonly flags?: number;
  readonly size?: bigint;
  /** Lies. */
  readonly length?: number;
}

export interface HeaderSpec {
  readonly version?: number;
  readonly flags?: number;
  readonly type?: number;
  readonly company?: string;
  /** Lies. */
  readonly extendedLength?: number;
}

/** Tag of a locator that says nothing else. */
export const TAG = 0x0000_0002_0000_0001n;

export function section({ id, length, subtype = 0, body = new Uint8Array(16) }: SectionSpec): Uint8Array {
  const bytes = Buffer.alloc(8 + body.length);
  bytes.write(id, 0, 'latin1');
  bytes.writeUInt16BE(length ?? bytes.length, 2);
  bytes[4] = 1;
  bytes[5] = subtype;
  bytes.set(body, 8);
  return bytes;
}

export function locator(spec: LocatorSpec = {}): Uint8Array {
  const { subtype = 2, id = 1, flags = 0x20, size = 4096n, length } = spec;
  const body = Buffer.alloc(56);
  body.writeUInt32BE(id, 0);
  body[4] = flags;
  body.writeBigUInt64BE(size, 8);
  return section({ id: 'DH', subtype, body, ...(length === undefined ? {} : { length }) });
}

/** A private header whose date and time are these sixteen digits. */
export function privateHeader(digits = '2026112208120099'): Uint8Array {
  const body = Buffer.alloc(40);
  body.write(digits, 0, 'hex');
  return section({ id: 'PH', body });
}

export function event(parts: readonly Uint8Array[], header: HeaderSpec = {}): Uint8Array {
  const { version = 6, flags = 0x24, type = 0xe4, company = 'IBM\0', extendedLength } = header;
  const bytes = Buffer.concat([Buffer.alloc(24), ...parts]);
  bytes[0] = version;
  bytes[1] = flags;
  bytes[3] = type;
  bytes.writeUInt32BE(extendedLength ?? bytes.length - 8, 4);
  bytes.write(company, 20, 'latin1');
  return Uint8Array.from(bytes);
}
