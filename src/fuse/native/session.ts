import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Filesystem } from '../../fs/index.js';
import { isGoneSoon, mountsAt, unmountOrDetach } from '../mount-table.js';
import type { MountEnd, Mounted, MountOptions } from '../transport.js';
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
/** How long the end of the last mount may take to be noticed. */
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
  readonly ended: Promise<MountEnd>;
  /** Resolves when requests are served; false: the connection has ended before. */
  readonly ready: Promise<boolean>;
  readonly #parts: Parts;
  readonly #mountId: number | undefined;
  /** What sysfs has for as long as the kernel has this file system mounted, here or elsewhere; undefined: no sysfs. */
  readonly #sysfsPath: string | undefined;
  readonly #watch: NodeJS.Timeout;
  readonly #end = latch<MountEnd>();
  readonly #hurry = new AbortController();
  #unmounting: Promise<void> | undefined;
  #isEnding = false;
  #finished = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    const entry = mountsAt(parts.options.mountpoint).at(-1);
    this.#mountId = entry?.id;
    const sysfsPath = `/sys/class/bdi/0:${entry?.deviceMinor}`;
    this.#sysfsPath = existsSync(sysfsPath) ? sysfsPath : undefined;
    this.#watch = setInterval(() => this.#lookForTheEnd(), END_CHECK_MS);
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
    this.#lookForTheEnd();
    if (outcome === 'unmounted')
      await Promise.race([this.ended, sleep(LET_GO_MS, undefined, { ref: false })]);
    this.#finish('unmounted');
  }

  /**
   * libfuse closes its device when all requests are answered, and those of readers who have gone may wait for firmware
   * for long. Who holds a mount that was detached keeps both.
   */
  #lookForTheEnd(): void {
    const isOver = !this.#parts.libfuse.device.isOpen || this.#isNowhereMounted();
    if (!isOver || this.#isEnding) return;
    this.#isEnding = true;
    void this.#letGo();
  }

  #isNowhereMounted(): boolean {
    return this.#sysfsPath !== undefined && !existsSync(this.#sysfsPath);
  }

  /** The connection has ended. After an unmount every file is closed, though the kernel may not have said so of each. */
  async #letGo(): Promise<void> {
    const { options, adapter, requests } = this.#parts;
    const { mountpoint, log } = options;
    requests.end();
    if (await isGoneSoon(() => mountsAt(mountpoint).some(({ id }) => id === this.#mountId))) {
      adapter.closeAll();
      this.#finish('unmounted');
    } else {
      log.warn('somebody aborted the FUSE connection', { mountpoint });
      this.#finish('lost');
    }
  }

  #finish(end: MountEnd): void {
    if (this.#finished) return;
    this.#finished = true;
    clearInterval(this.#watch);
    this.#parts.unsubscribe();
    this.#parts.requests.end();
    this.#parts.libfuse.release();
    this.#end.open(end);
  }
}

function latch<T = void>(): { readonly opened: Promise<T>; readonly open: (value: T) => void } {
  let open: (value: T) => void = () => undefined;
  const opened = new Promise<T>((resolve) => (open = resolve));
  return { opened, open };
}
