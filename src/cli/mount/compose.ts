import type { Logger } from '../../base/log.js';
import { Announcements } from '../../announce/index.js';
import { DumpStore } from '../../dump/index.js';
import type { Filesystem } from '../../fs/index.js';
import { AnswerCounts, countedFilesystem, GuardedFilesystem, Volume } from '../../fs/index.js';
import type { LockdownGate, RiseSteps } from '../../lockdown/index.js';
import type { AnySource, DumpSource } from '../../source/index.js';
import type { SpoolChoice } from './choose-spool.js';
import { chooseSpool } from './choose-spool.js';
import type { Cleanup } from './cleanup.js';
import type { Settings } from '../options/option-table.js';
import { openSource } from '../select-source.js';
import type { HandedMount } from './handed-mount.js';

/** What stands between the kernel and firmware. */
export interface Composition {
  readonly store: DumpStore;
  readonly volume: Volume;
  readonly filesystem: Filesystem;
  /** What the filesystem has answered. */
  readonly answers: AnswerCounts;
  /** What the rise of the level asks of these rooms. */
  readonly hiding: Pick<RiseSteps, 'dropPages' | 'hideDumps' | 'stopAnnouncing'>;
}

/** What the rooms stand on: opened while another process may still serve the mount. */
export interface Ground {
  readonly source: DumpSource;
  readonly spool: SpoolChoice | undefined;
}

/** Opens what may fail by what the user has asked for. No firmware call is made. @throws CommandError in one line */
export function openGround(
  source: AnySource,
  settings: Settings,
  cleanup: Cleanup,
  log: Logger,
  traceChannel?: string,
): Ground {
  const opened = openSource(source, settings, log, traceChannel);
  // The store does that, too, if there ever is one.
  cleanup.add('source', () => opened[Symbol.asyncDispose]());
  return { source: opened, spool: chooseSpool(settings, opened, log) };
}

/**
 * Builds every room once, to go on where another process was if one has handed over its mount. What it opens goes into `cleanup` at
 * once, so that a later failure leaves nothing behind.
 */
export function compose(
  ground: Ground,
  settings: Settings,
  gate: LockdownGate,
  cleanup: Cleanup,
  log: Logger,
  handed?: HandedMount,
): Composition {
  const { cacheSize: cacheSizeBytes, dump: known } = settings;
  const store = new DumpStore({ ...ground, cacheSizeBytes, known, handed: handed?.dumps, log });
  cleanup.add('dump store', () => store[Symbol.asyncDispose]());
  const volume = new Volume({
    store,
    uid: settings.uid ?? process.getuid?.() ?? 0,
    gid: settings.gid ?? process.getgid?.() ?? 0,
    umask: settings.umask,
    unlinkPolicy: settings.unlink,
    readOnly: settings.readOnly,
    handed,
    log,
  });
  // What the end of the mount leaves undone is said while the store is still there to say what became of it.
  cleanup.add('filesystem', () => volume[Symbol.asyncDispose]());
  const announcements = new Announcements({ ...settings, store, log });
  cleanup.add('announcements', () => announcements[Symbol.asyncDispose]());
  const hiding = {
    dropPages: () => volume.dropPages(),
    hideDumps: () => {
      volume.removal.drop();
      store.lock();
    },
    stopAnnouncing: () => announcements.freeze(),
  };
  const answers = new AnswerCounts();
  const filesystem = countedFilesystem(new GuardedFilesystem(volume, gate), answers);
  return { store, volume, filesystem, answers, hiding };
}
