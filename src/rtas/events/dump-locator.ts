import { ByteReader } from '../../base/byte-reader.js';
import type { DumpTag } from '../../base/tag.js';
import { dumpTag } from '../../base/tag.js';
import { LOCATOR_CORE_BYTES } from './sections.js';

/** What a Dump Locator section says. */
export interface DumpLocator {
  readonly tag: DumpTag;
  /** The dump type. 0: the log was cut short, and another party got the whole one. */
  readonly subtype: number;
  readonly sentToHmc: boolean;
  /** Bytes; absent where the section declares none. */
  readonly size: number | undefined;
}

// LoPAR and the printing code of librtas agree on the first; the comment in librtasevent_v6.h has it the wrong way round.
const SENT_TO_HMC = 0x80;
const SIZE_VALID = 0x20;

/**
 * Reads a Dump Locator ('DH') section. Everything behind the size is left alone: rtas_errd damages it.
 *
 * @returns undefined where the section is too short to be one
 * @see LoPAR, "Platform Event Log Format, Dump Locator Section"
 */
export function readDumpLocator(section: Uint8Array): DumpLocator | undefined {
  if (section.length < LOCATOR_CORE_BYTES) return undefined;
  const reader = new ByteReader(section, 'Dump Locator', false);
  reader.skip(5); // id, length, version
  const subtype = reader.u8();
  reader.skip(2); // component
  const id = reader.u32();
  const flags = reader.u8();
  reader.skip(3); // reserved, length of the OS-assigned id
  const size = Number(reader.u64());
  const declaresSize = (flags & SIZE_VALID) !== 0 && Number.isSafeInteger(size);
  return {
    tag: dumpTag((BigInt(subtype) << 32n) | BigInt(id)),
    subtype,
    sentToHmc: (flags & SENT_TO_HMC) !== 0,
    size: declaresSize ? size : undefined,
  };
}
