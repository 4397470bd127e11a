import { resolve } from 'node:path';
import { formatSize, parseSize } from './size.js';
import type { DumpTag } from './tag.js';
import { parseTag } from './tag.js';

/** Turns an option's text into its value. @throws Error that says what was expected and quotes what came */
export type ValueParser<T> = (text: string) => T;

export interface TagSize {
  readonly tag: DumpTag;
  /** Bytes. */
  readonly size: number;
}

export interface TagMaybeSize {
  readonly tag: DumpTag;
  /** Bytes; absent: not known. */
  readonly size?: number;
}

const EXPECTED_TAG = 'a dump tag of up to 16 hex digits such as 0x0000000200000001';

/** Uids and gids are 32 bits wide and the highest one means "none" (chown(2)). */
const MAX_ID = 2 ** 32 - 2;

export function oneOf<const T extends string>(...words: readonly T[]): ValueParser<T> {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined) throw expected(words.join(', '), text);
    return word;
  };
}

/** @param min smallest accepted size in bytes */
export function size(min: number): ValueParser<number> {
  return (text) => {
    const bytes = parseSize(text);
    if (bytes === undefined) throw expected('a size such as 64MiB', text);
    if (bytes < min) throw expected(`at least ${formatSize(min)}`, text);
    return bytes;
  };
}

export function wholeNumber(max: number): ValueParser<number> {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (!(value <= max)) throw expected(`a whole number from 0 to ${max}`, text);
    return value;
  };
}

export const userOrGroupId = wholeNumber(MAX_ID);

/** Seconds with an optional fraction. @returns milliseconds */
export function seconds(max: number): ValueParser<number> {
  return (text) => {
    const value = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : NaN;
    if (!(value <= max)) throw expected(`seconds from 0 to ${max}`, text);
    return Math.round(value * 1000);
  };
}

/** Permission bits that are taken away, in octal as umask(1) writes them. */
export const permissionMask: ValueParser<number> = (text) => {
  if (!/^0?[0-7]{1,3}$/.test(text)) throw expected('an octal mask such as 0277', text);
  return parseInt(text, 8);
};

/** Made absolute at once: a daemon leaves the directory in which it was started. */
export const path: ValueParser<string> = (text) => {
  if (text === '' || text.includes('\0')) throw expected('a path', text);
  return resolve(text);
};

/** One of the words, else a path. */
export function wordOrPath(...words: readonly string[]): ValueParser<string> {
  return (text) => (words.includes(text) ? text : path(text));
}

export const tagWord: ValueParser<DumpTag> = (text) => {
  const tag = parseTag(text);
  if (tag === undefined) throw expected(EXPECTED_TAG, text);
  return tag;
};

export const tagWithSize: ValueParser<TagSize> = (text) => {
  const known = tagMaybeSize(text);
  if (known.size === undefined) throw expected('TAG:SIZE such as 200000001:3GiB', text);
  return { tag: known.tag, size: known.size };
};

export const tagMaybeSize: ValueParser<TagMaybeSize> = (text) => {
  const [tagText = '', sizeText, ...rest] = text.split(':');
  const tag = parseTag(tagText);
  const bytes = sizeText === undefined ? undefined : parseSize(sizeText);
  if (tag === undefined || rest.length > 0) throw expected(EXPECTED_TAG, text);
  if (sizeText !== undefined && bytes === undefined)
    throw expected('a size such as 3GiB behind the colon', text);
  return bytes === undefined ? { tag } : { tag, size: bytes };
};

function expected(what: string, text: string): Error {
  return new Error(`expected ${what}, got "${text}"`);
}
