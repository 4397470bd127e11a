import { existsSync } from 'node:fs';
import { loadKoffi } from '../../base/koffi.js';
import { tagName } from '../../base/tag.js';
import type { DumpTag } from '../../base/tag.js';
import { threadEntry } from '../../base/thread-entry.js';
import { PAPR_DEVICE_PATH } from '../papr/papr-device.js';
import { ProcessLock } from './process-lock.js';
import { findLibrtas, prefersDevice } from './librtas-library.js';
import type { LibrtasDriverData } from './librtas-driver.js';
import { LISTS_NOTHING } from '../lists-nothing.js';
import { firstChunkMemory } from './restart-guard.js';
import type { DumpSource } from '../source.js';
import { SourceUnavailable } from '../source-error.js';

export interface LibrtasSourceOptions {
  readonly traceChannel?: string | undefined;
  /** Default: where the library is found. */
  readonly libraryPath?: string | undefined;
}

/** The device tree names the firmware call where there is one. */
const FIRMWARE_CALL = '/proc/device-tree/rtas/ibm,platform-dump';
/** librtas learns here where firmware may write. */
const RMO_BUFFERS = ['/proc/ppc64/rtas/rmo_buffer', '/proc/rtas/rmo_buffer'];

/** Marks of first chunks are kept for so many tags: a name that nobody announced must not fill the memory. */
const MAX_MARKS = 4096;

/**
 * Dumps through `rtas_platform_dump()` of librtas, for kernels without the character device. It lists none.
 *
 * @throws SourceUnavailable
 */
export function openLibrtasSource({
  traceChannel,
  libraryPath = findLibrtas(),
}: LibrtasSourceOptions): DumpSource {
  const absence = librtasAbsence(libraryPath);
  if (absence !== undefined || libraryPath === undefined)
    throw new SourceUnavailable(absence ?? 'librtas is not there');
  loadKoffi();
  const data: LibrtasDriverData = { libraryPath, traceChannel, lock: ProcessLock.createMemory() };
  const marks = new Map<string, SharedArrayBuffer>();
  return {
    name: 'librtas',
    resumable: true,
    invalidateNeedsFinishedPass: false,
    knowsIncarnations: false,
    driver: { module: threadEntry('source/librtas/librtas-driver.js').href, data },
    ...LISTS_NOTHING,
    detail: (tag) => markOf(marks, tag),
  };
}

/** Why this source cannot be used; undefined where it can. */
export function librtasAbsence(libraryPath: string | undefined = findLibrtas()): string | undefined {
  if (!existsSync(FIRMWARE_CALL)) return `${FIRMWARE_CALL} does not exist: firmware has no such call`;
  if (!RMO_BUFFERS.some((path) => existsSync(path))) return `${RMO_BUFFERS[0]} does not exist`;
  if (libraryPath === undefined) return 'librtas.so.2 is not installed';
  if (existsSync(PAPR_DEVICE_PATH) && prefersDevice(libraryPath))
    return `${libraryPath} goes through ${PAPR_DEVICE_PATH} here, and makes less of it than --source papr`;
  return undefined;
}

function markOf(marks: Map<string, SharedArrayBuffer>, tag: DumpTag): SharedArrayBuffer {
  const name = tagName(tag);
  const known = marks.get(name);
  if (known !== undefined) return known;
  const [oldest] = marks.keys();
  if (marks.size >= MAX_MARKS && oldest !== undefined) marks.delete(oldest);
  const mark = firstChunkMemory();
  marks.set(name, mark);
  return mark;
}
