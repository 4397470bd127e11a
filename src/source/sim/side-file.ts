/** A disturbance at one place of a simulated dump. */
export interface Fault {
  /** Byte offset of the call that is disturbed, up to and including the dump's size; or the NULL-buffer call. */
  readonly at: number | 'invalidate';
  /** RTAS status that is answered, with no bytes. 1 is "continue", 0 ends the dump here. */
  readonly status: number;
  /** How many calls are answered so before the dump goes on; `Infinity`: all. */
  readonly times: number;
}

/** Fewest and most bytes per call. */
export type ChunkRange = readonly [min: number, max: number];

/** `DIR/0x....json`: how the simulated hypervisor presents the dump beside it. */
export interface SideFile {
  /** Bytes; `null`: not announced; absent: the file's size. */
  readonly announcedSize?: number | null;
  /** False: only a probe finds the dump. */
  readonly announced: boolean;
  /** Duration of each call in microseconds; absent: as for all dumps. */
  readonly latencyUs?: number;
  readonly chunk?: ChunkRange;
  readonly faults: readonly Fault[];
}

export const NO_SIDE_FILE: SideFile = { announced: true, faults: [] };

/** A side file that does not say what it should. The message names file, place, value and what is allowed. */
export class SideFileError extends Error {
  override readonly name = 'SideFileError';
}

type Json = Readonly<Record<string, unknown>>;
type Check<T> = (value: unknown, where: string) => T;

const MAX_LATENCY_US = 3_600_000_000;
const INT32_MAX = 2 ** 31 - 1;

/**
 * Reads a side file's text strictly: what is misspelt would otherwise silently test nothing.
 *
 * @param sizeBytes of the dump, the last place where a fault can be
 * @throws SideFileError
 */
export function parseSideFile(text: string, path: string, sizeBytes: number): SideFile {
  const fields = objectOf(parseJson(text, path), path, [
    'announcedSize',
    'announced',
    'latencyUs',
    'chunk',
    'faults',
  ]);
  const read = <T>(name: string, check: Check<T>): Record<string, T> =>
    fields[name] === undefined ? {} : { [name]: check(fields[name], `${path}: ${name}`) };
  return {
    ...NO_SIDE_FILE,
    ...read('announcedSize', (value, where) =>
      value === null ? null : wholeNumber(value, where, 0, Number.MAX_SAFE_INTEGER, ' or null'),
    ),
    ...read('announced', boolean),
    ...read('latencyUs', (value, where) => wholeNumber(value, where, 0, MAX_LATENCY_US)),
    ...read('chunk', chunkRange),
    ...read('faults', (value, where) => faultList(value, where, sizeBytes)),
  };
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SideFileError(`${path}: not JSON: ${(cause as SyntaxError).message}`, { cause });
  }
}

function objectOf(value: unknown, where: string, allowed: readonly string[]): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(where, value, 'an object');
  const unknown = Object.keys(value).find((key) => !allowed.includes(key));
  if (unknown !== undefined)
    throw new SideFileError(
      `${where}: unknown key ${JSON.stringify(unknown)}, allowed are ${allowed.join(', ')}`,
    );
  return value as Json;
}

function boolean(value: unknown, where: string): boolean {
  return typeof value === 'boolean' ? value : refuse(where, value, 'true or false');
}

function wholeNumber(value: unknown, where: string, min: number, max: number, or = ''): number {
  const fits = typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
  return fits ? value : refuse(where, value, `a whole number from ${min} to ${max}${or}`);
}

function chunkRange(value: unknown, where: string): ChunkRange {
  const bytes = (one: unknown): number =>
    wholeNumber(one, where, 1, INT32_MAX, ' or a pair [min, max] of such');
  if (!Array.isArray(value)) return [bytes(value), bytes(value)];
  const [min, max] = value.length === 2 ? value.map(bytes) : [];
  return min !== undefined && max !== undefined && min <= max
    ? [min, max]
    : refuse(where, value, 'a number or a pair [min, max] with min <= max');
}

function faultList(value: unknown, where: string, sizeBytes: number): readonly Fault[] {
  if (!Array.isArray(value)) refuse(where, value, 'a list');
  return value.map((entry, index) => fault(entry, `${where}[${index}]`, sizeBytes));
}

function fault(value: unknown, where: string, sizeBytes: number): Fault {
  const fields = objectOf(value, where, ['at', 'status', 'times', 'empty']);
  const at =
    fields['at'] === 'invalidate'
      ? fields['at']
      : wholeNumber(fields['at'], `${where}.at`, 0, sizeBytes, ' (the size of the dump) or "invalidate"');
  if ('empty' in fields) {
    if ('status' in fields || 'times' in fields || at === 'invalidate')
      throw new SideFileError(`${where}: "empty" stands with "at" and a byte offset alone`);
    return { at, status: 1, times: wholeNumber(fields['empty'], `${where}.empty`, 1, INT32_MAX) };
  }
  return {
    at,
    status: wholeNumber(fields['status'], `${where}.status`, -INT32_MAX - 1, INT32_MAX, ', an RTAS status'),
    times: fields['times'] === undefined ? 1 : times(fields['times'], `${where}.times`),
  };
}

function times(value: unknown, where: string): number {
  return value === 'always' ? Infinity : wholeNumber(value, where, 1, INT32_MAX, ' or "always"');
}

function refuse(where: string, value: unknown, allowed: string): never {
  const shown = value === undefined ? 'missing' : JSON.stringify(value);
  throw new SideFileError(`${where} is ${shown}, allowed is ${allowed}`);
}
