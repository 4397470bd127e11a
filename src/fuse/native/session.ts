import { setTimeout as sleep } from 'node:timers/promises';
import type { Filesystem } from '../../fs/index.js';
import { mountsAt, unmountOrDetach } from '../mount-table.js';
import type { Mounted, MountOptions } from '../transport.js';
import { Adapter } from './adapter.js';
import type { FuseAddon } from './addon.js';
import { createCallbacks } from './callbacks.js';
import type { LibfuseMount } from './libfuse-mount.js';
import { mountWithLibfuse } from './libfuse-mount.js';
import { NodeTable } from './node-table.js';
import { PagePurge } from './page-purge.js';
import { PathWalk } from './path-walk.js';
import { ReadsInFlight } from './reads-in-flight.js';
import { RequestContexts } from './request-contexts.js';

/** How often the end of a mount is looked for: libfuse has no callback for it that the addon passes on. */
const END_CHECK_MS = 200;
/** How long the end of the last mount may take to reach libfuse, and its end us. */
const LET_GO_MS = 1000;

/** What a session ends. */
interface Parts {
  readonly options: MountOptions;
  readonly libfuse: LibfuseMount;
  readonly adapter: Adapter;
  readonly requests: RequestContexts;
  readonly unsubscribe: () => void;
  /** Resolves when the kernel and libfuse have agreed on a protocol. */
  readonly initialized: Promise<void>;
}

/** Mounts at `options.mountpoint`, which is free to be mounted on. @throws MountError */
export function startSession(addon: FuseAddon, filesystem: Filesystem, options: MountOptions): NativeSession {
  const nodes = new NodeTable();
  // Without allow_other the kernel lets nobody else in.
  const requests = new RequestContexts(options.allowOther ? undefined : process.getuid?.());
  const reads = new ReadsInFlight();
  const walk = new PathWalk(filesystem, nodes, (node) => pages.purge(node));
  const adapter = new Adapter(filesystem, walk, requests, reads);
  const init = latch();
  const callbacks = createCallbacks(addon, adapter, options.log, init.open);
  const libfuse = mountWithLibfuse(addon, options, callbacks);
  const pages = new PagePurge(libfuse.device, nodes, reads, options.log);
  const unsubscribe = filesystem.onKernelCacheChange((change) => {
    if (change.kind === 'all pages') pages.purgeAll(change.open);
    const node = change.kind === 'pages' ? nodes.byIno(change.ino) : undefined;
    if (node !== undefined) void pages.purge(node);
  });
  return new NativeSession({ options, libfuse, adapter, requests, unsubscribe, initialized: init.opened });
}

/** One mount through libfuse, until it has ended. */
export class NativeSession implements Mounted {
  readonly ended: Promise<void>;
  /** Resolves when requests are served; false: the connection has ended before. */
  readonly ready: Promise<boolean>;
  readonly #parts: Parts;
  readonly #mountId: number | undefined;
  readonly #watch: NodeJS.Timeout;
  readonly #end = latch();
  readonly #hurry = new AbortController();
  #unmounting: Promise<void> | undefined;
  #finished = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#mountId = mountsAt(parts.options.mountpoint).at(-1)?.id;
    this.#watch = setInterval(() => {
      if (!parts.libfuse.device.isOpen) this.#letGo();
    }, END_CHECK_MS);
    this.ended = this.#end.opened;
    this.ready = Promise.race([parts.initialized.then(() => true), this.ended.then(() => false)]);
  }

  unmount(timeoutMs: number): Promise<void> {
    if (this.#unmounting !== undefined) this.#hurry.abort();
    this.#unmounting ??= this.#unmount(timeoutMs).finally(() => (this.#unmounting = undefined));
    return this.#unmounting;
  }

  async #unmount(timeoutMs: number): Promise<void> {
    const { mountpoint, log } = this.#parts.options;
    const options = { mountId: this.#mountId, hurry: this.#hurry.signal };
    const outcome = await unmountOrDetach(mountpoint, timeoutMs, log, options);
    // A detached mount is held by somebody, an unmounted one may be mounted in another namespace too: both go on until
    // this process exits, and there is nothing to wait for.
    if (outcome === 'unmounted')
      await Promise.race([this.ended, sleep(LET_GO_MS, undefined, { ref: false })]);
    this.#finish();
  }

  /** The connection has ended. After an unmount every file is closed, though the kernel may not have said so of each. */
  #letGo(): void {
    const { options, adapter } = this.#parts;
    const aborted = mountsAt(options.mountpoint).some(({ id }) => id === this.#mountId);
    if (aborted) options.log.warn('somebody aborted the FUSE connection', { mountpoint: options.mountpoint });
    else adapter.closeAll();
    this.#finish();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    clearInterval(this.#watch);
    this.#parts.unsubscribe();
    this.#parts.requests.end();
    this.#parts.libfuse.release();
    this.#end.open();
  }
}

function latch(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
