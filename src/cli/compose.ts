import type { Logger } from '../base/log.js';
import type { DumpStore } from '../dump/index.js';
import { Announcements } from '../announce/index.js';
import { openDumpStore } from '../dump/index.js';
import type { Filesystem } from '../fs/index.js';
import { createFilesystem } from '../fs/index.js';
import type { ExplainedGate } from '../lockdown/index.js';
import { onTraceTrouble } from '../rtas/index.js';
import type { DumpSource } from '../source/index.js';
import { chooseSpool } from './choose-spool.js';
import type { Cleanup } from './cleanup.js';
import type { Settings } from './option-table.js';
import type { ChosenSource } from './select-source.js';
import { openSource } from './select-source.js';

const SAY_TRACE_TROUBLE_EVERY_MS = 60_000;

/** What stands between the kernel and firmware. */
export interface Composition {
  readonly store: DumpStore;
  readonly filesystem: Filesystem;
}

/** Builds every room once. What it opens goes into `cleanup` at once, so that a later failure leaves nothing behind. */
export function compose(
  source: ChosenSource,
  settings: Settings,
  gate: ExplainedGate,
  cleanup: Cleanup,
  log: Logger,
): Composition {
  if (settings.traceRtas !== undefined) watchTrace(settings.traceRtas, cleanup, log);
  // The store disposes of its source.
  const store = openStore(openSource(source, settings, log), settings, log);
  cleanup.add('dump store', () => store[Symbol.asyncDispose]());
  const filesystem = createFilesystem({
    store,
    gate,
    uid: settings.uid ?? process.getuid?.() ?? 0,
    gid: settings.gid ?? process.getgid?.() ?? 0,
    umask: settings.umask,
    unlinkPolicy: settings.unlink,
    readOnly: settings.readOnly,
    log,
  });
  const announcements = new Announcements({ ...settings, store, log });
  cleanup.add('announcements', () => announcements[Symbol.asyncDispose]());
  gate.onRise(() => announcements.freeze());
  // The filesystem has subscribed before: when this is logged, the dumps are out of reach already.
  gate.onRise(() => log.warn('locked down: no dump can be reached until restart', { reason: gate.reason }));
  return { store, filesystem };
}

/** What the trace lacks cannot be seen in it before it can be written again. */
function watchTrace(path: string, cleanup: Cleanup, log: Logger): void {
  let saidAtMs = -Infinity;
  const watch = onTraceTrouble((reason) => {
    // Of one full disk every thread has something to tell.
    if (performance.now() - saidAtMs < SAY_TRACE_TROUBLE_EVERY_MS) return;
    saidAtMs = performance.now();
    log.warn('the trace cannot be written: firmware calls go on without it', { path, reason });
  });
  cleanup.add('trace', () => watch[Symbol.dispose]());
}

function openStore(source: DumpSource, settings: Settings, log: Logger): DumpStore {
  try {
    const spool = chooseSpool(settings, source, log);
    return openDumpStore({ source, cacheSizeBytes: settings.cacheSize, known: settings.dump, spool, log });
  } catch (error) {
    void source[Symbol.asyncDispose]();
    throw error;
  }
}
