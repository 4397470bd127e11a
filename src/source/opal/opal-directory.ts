import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DumpTag } from '../../base/tag.js';
import { dumpTag } from '../../base/tag.js';

/** A dump's directory, and how to know it again: another one may take its path. */
export interface OpalPlace {
  readonly path: string;
  readonly dev: bigint;
  readonly ino: bigint;
}

/** One dump that OPAL's sysfs directory shows. */
export interface OpalEntry {
  readonly tag: DumpTag;
  readonly place: OpalPlace;
  readonly sizeBytes: number;
  /** Differs when the same tag came back as another directory. */
  readonly version: string;
}

export interface OpalListing {
  readonly entries: readonly OpalEntry[];
  /** What cannot be used, and why; one line each. */
  readonly complaints: readonly string[];
}

/**
 * Reads the directory. Names are not taken apart, as the kernel's ABI text asks; `id` and `type` say what a dump is.
 *
 * @see Linux Documentation/ABI/stable/sysfs-firmware-opal-dump
 */
export function readOpalDirectory(dir: string): OpalListing {
  const entries: OpalEntry[] = [];
  const complaints: string[] = [];
  for (const path of subdirectories(dir, complaints)) {
    const found = readEntry(path);
    if (typeof found === 'string') complaints.push(found);
    else if (found === undefined) continue;
    else if (entries.some(({ tag }) => tag === found.tag))
      complaints.push(`${path} repeats a dump's id and type`);
    else entries.push(found);
  }
  return { entries, complaints };
}

function subdirectories(dir: string, complaints: string[]): string[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(dir, name));
  } catch (error) {
    complaints.push((error as Error).message);
    return [];
  }
}

/** @returns undefined when the dump went away meanwhile, else what is wrong with it */
function readEntry(path: string): OpalEntry | string | undefined {
  try {
    const id = firstWord(readFileSync(join(path, 'id'), 'latin1'));
    const type = firstWord(readFileSync(join(path, 'type'), 'latin1'));
    if (id === undefined || type === undefined) return `${path}: id or type is no 32-bit hexadecimal number`;
    const { size } = statSync(join(path, 'dump'));
    const { dev, ino } = statSync(path, { bigint: true });
    return {
      tag: dumpTag((type << 32n) | id),
      place: { path, dev, ino },
      sizeBytes: size,
      version: `${dev} ${ino} ${size}`,
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // ENODEV is what a file says whose directory sysfs has taken away.
    return code === 'ENOENT' || code === 'ENODEV' ? undefined : `${path}: ${message}`;
  }
}

/** `0x2 System/Platform Dump` and `0xffffffff` alike: the number comes first. */
function firstWord(text: string): bigint | undefined {
  const digits = /^\s*0x([0-9a-f]{1,8})(?:\s|$)/i.exec(text)?.[1];
  return digits === undefined ? undefined : BigInt(`0x${digits}`);
}
