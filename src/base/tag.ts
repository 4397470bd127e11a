/** A 64-bit dump tag: dump type in the high word, dump id in the low word (PAPR+ v2.13, 7.3.3.4.1). */
export type DumpTag = bigint & { readonly __brand: 'DumpTag' };

const MAX_TAG = 0xffff_ffff_ffff_ffffn;

/** Brands a 64-bit value as tag. @throws RangeError outside 0 .. 2^64-1 */
export function dumpTag(value: bigint): DumpTag {
  if (value < 0n || value > MAX_TAG)
    throw new RangeError(`dump tag ${value.toString(16)} is not a 64-bit value`);
  return value as DumpTag;
}

/** The one spelling that files, logs and traces use: `0x` and 16 lower-case hex digits. */
export function tagName(tag: DumpTag): string {
  return `0x${tag.toString(16).padStart(16, '0')}`;
}

/** Reads exactly the spelling of `tagName`; anything else names no dump. */
export function tagFromName(name: string): DumpTag | undefined {
  return /^0x[0-9a-f]{16}$/.test(name) ? dumpTag(BigInt(name)) : undefined;
}

/** Reads any spelling a person types: with or without `0x`, either case, up to 16 hex digits. */
export function parseTag(text: string): DumpTag | undefined {
  const digits = /^(?:0[xX])?([0-9a-fA-F]{1,16})$/.exec(text)?.[1];
  return digits === undefined ? undefined : dumpTag(BigInt(`0x${digits}`));
}

/** Dump type of a tag, from the high word. Names follow librtas and LoPAR's Dump Locator section. */
export function dumpType(tag: DumpTag): string {
  const type = Number(tag >> 32n);
  return TYPE_NAMES.get(type) ?? `type-0x${type.toString(16)}`;
}

const TYPE_NAMES = new Map([
  [1, 'fsp'],
  [2, 'platform'],
  [3, 'sma'],
  [4, 'power'],
  [5, 'log'],
  [6, 'partition'],
  [7, 'resource'],
]);
