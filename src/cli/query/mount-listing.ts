import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadKoffi } from '../../base/koffi.js';
import { dumpType, tagFromName, tagName } from '../../base/tag.js';
import type { DumpTag } from '../../base/tag.js';
import { SILENCE_MS } from '../control/control-protocol.js';
import { CommandError, EXIT } from '../exit-status.js';
import type { ListedDump } from './listed-dump.js';

const PREFIX = 'user.platdump.';
const MAX_VALUE_BYTES = 256;

/**
 * What a mount itself tells of its dumps, where its daemon cannot be asked: in another container, with no socket in this
 * one. Touches no firmware.
 *
 * @throws CommandError where it does not answer, in one line
 */
export async function listedFromMount(mountpoint: string): Promise<ListedDump[]> {
  try {
    const names = await Promise.race([readdir(mountpoint), silence()]);
    const tags = names.flatMap((name) => tagFromName(name) ?? []);
    return await Promise.all(tags.map((tag) => listedFromFile(mountpoint, tag)));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EACCES' ? 'this user may not look into it (EACCES)' : message;
    throw new CommandError(EXIT.failed, `${mountpoint}: ${why}`);
  }
}

async function silence(): Promise<never> {
  await sleep(SILENCE_MS, undefined, { ref: false });
  throw new Error('the mount does not answer');
}

async function listedFromFile(mountpoint: string, tag: DumpTag): Promise<ListedDump> {
  const path = join(mountpoint, tagName(tag));
  const attribute = async (name: string): Promise<string> => (await readAttribute(path, name)) ?? 'unknown';
  const sizeOrigin = await attribute('size_origin');
  // Before the size is known, stat(2) would have firmware asked for it.
  const stats = sizeOrigin === 'unknown' ? undefined : await stat(path);
  return {
    tag: tagName(tag),
    type: dumpType(tag),
    size: stats?.size ?? null,
    sizeOrigin: stats === undefined ? null : sizeOrigin,
    state: await attribute('state'),
    delivered: Number(await readAttribute(path, 'delivered')) || 0,
    firstSeen: (stats?.mtime ?? new Date()).toISOString(),
    source: await attribute('source'),
    name: null,
    sha256: (await readAttribute(path, 'sha256')) || null,
  };
}

/** @returns undefined without the optional package koffi, and where there is none */
function readAttribute(path: string, name: string): Promise<string | undefined> {
  const buffer = Buffer.alloc(MAX_VALUE_BYTES);
  return new Promise((resolve) => {
    try {
      const getxattr = loadKoffi()
        .load('libc.so.6')
        .func('getxattr', 'long', ['const char *', 'const char *', 'void *', 'size_t']);
      getxattr.async(path, PREFIX + name, buffer, buffer.length, (error: unknown, bytes: number) =>
        resolve(error !== null || bytes < 0 ? undefined : buffer.toString('latin1', 0, bytes)),
      );
    } catch {
      resolve(undefined);
    }
  });
}
