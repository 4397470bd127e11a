/** A dump's directory as LoPAR describes it ("Platform Dump Directory Structure"), written independently of the reader. */
export interface DirectoryPlan {
  readonly name: string;
  /** Bytes after the name; the field ends with the entry. */
  readonly nameField?: number;
  readonly prefixLength?: number;
  readonly sections: readonly SectionPlan[];
}

export interface SectionPlan {
  readonly dataBytes: bigint;
  readonly entryBytes?: number;
  readonly notTransmitted?: boolean;
  /** Other bits of the flag word, which mean nothing to us. */
  readonly otherFlags?: number;
}

const LAST = 0x1;
const NOT_TRANSMITTED = 0x2;

export function directoryBytes(plan: DirectoryPlan): Buffer {
  const last = plan.sections.length - 1;
  return Buffer.concat([
    fileEntry(plan),
    ...plan.sections.map((section, at) => sectionEntry(section, at === last)),
  ]);
}

function fileEntry({ name, nameField = 40, prefixLength = 7 }: DirectoryPlan): Buffer {
  const entry = Buffer.alloc(24 + nameField);
  entry.write('FILE    ', 'latin1');
  entry.writeUInt16BE(entry.length, 0x08);
  entry.writeUInt16BE(0x0001, 0x14);
  entry.writeUInt16BE(prefixLength, 0x16);
  entry.write(name, 0x18, 'latin1');
  return entry;
}

function sectionEntry(section: SectionPlan, isLast: boolean): Buffer {
  const { dataBytes, entryBytes = 64, notTransmitted = false, otherFlags = 0 } = section;
  const entry = Buffer.alloc(entryBytes);
  const flags = otherFlags | (isLast ? LAST : 0) | (notTransmitted ? NOT_TRANSMITTED : 0);
  entry.write('SECTION ', 'latin1');
  entry.writeUInt16BE(entryBytes, 0x08);
  entry.writeUInt32BE(flags >>> 0, 0x10);
  entry.writeUInt16BE(0x0002, 0x14);
  entry.writeBigUInt64BE(dataBytes, 0x18);
  return entry;
}
