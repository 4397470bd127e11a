const UNITS = new Map([
  ['', 1],
  ['K', 1024],
  ['KIB', 1024],
  ['M', 1024 ** 2],
  ['MIB', 1024 ** 2],
  ['G', 1024 ** 3],
  ['GIB', 1024 ** 3],
]);

/** Bytes of a size as people write it: a whole number with an optional K, M, G, KiB, MiB or GiB (powers of 1024). */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+)([A-Za-z]*)$/.exec(text);
  const unit = UNITS.get((match?.[2] ?? '').toUpperCase());
  if (match?.[1] === undefined || unit === undefined) return undefined;
  const bytes = Number(match[1]) * unit;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

// From here on one decimal would read "1024.0".
const NEXT_UNIT_AT = 1023.95;

/** A size for people: `12 B`, `1.5 MiB`. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 'B';
  for (const next of ['KiB', 'MiB', 'GiB', 'TiB']) {
    if (value < NEXT_UNIT_AT) break;
    value /= 1024;
    unit = next;
  }
  return unit === 'B' ? `${bytes} B` : `${value.toFixed(1)} ${unit}`;
}
