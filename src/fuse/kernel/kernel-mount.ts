import { closeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { endAtOnce, exitWithoutThreads } from '../../base/exit-without-threads.js';
import type { Logger } from '../../base/log.js';
import type { Filesystem } from '../../fs/index.js';
import { isGoneSoon, mountsAt, unmountOrDetach } from '../mount-table.js';
import { NotificationThread } from '../notification-thread.js';
import { notifyResend } from '../notification.js';
import type { Handover, MountEnd, Mounted } from '../transport.js';
import type { DeviceReaderEnd } from './device-reader.js';
import { DeviceReaderThread } from './device-reader-thread.js';
import type { Negotiation } from './negotiate.js';
import { Notifier } from './notifier.js';
import { ReplyChannel } from './reply-channel.js';
import { Session } from './session.js';
import { connectionOf, mountOf, mountpointOf, wakeReader, wakeReaderNow } from './wake-reader.js';

/** How long the end of the last mount may take to reach the reader. */
const LET_GO_MS = 250;
/** How long the reader may take to end once it was woken. */
const WAKE_MS = 2000;

/** Where a device is mounted, as far as we have to unmount it. */
export interface MountPlace {
  readonly mountpoint: string;
  /** In the mount table. */
  readonly id: number | undefined;
  /** Minor device number. */
  readonly connection: number | undefined;
}

export interface KernelMountOptions {
  readonly fd: number;
  readonly filesystem: Filesystem;
  readonly pageBytes: number;
  readonly log: Logger;
}

/** A FUSE device that is served: all that lives as long as the mount. */
export class KernelMount implements Mounted {
  readonly ended: Promise<MountEnd>;
  readonly #fd: number;
  readonly #log: Logger;
  readonly #replies: ReplyChannel;
  readonly #session: Session;
  readonly #notifier: Notifier;
  readonly #notifications = new NotificationThread();
  readonly #reader: DeviceReaderThread;
  /** Undefined: mounted by somebody else, who also unmounts. */
  #place: MountPlace | undefined;
  #unmounting: Promise<void> | undefined;
  /** Somebody asked again: a busy mount is waited for no longer. */
  readonly #hurry = new AbortController();
  #stopping = false;
  #giveUp: () => void = () => undefined;

  constructor({ fd, filesystem, pageBytes, log }: KernelMountOptions) {
    this.#fd = fd;
    this.#log = log;
    const replies = new ReplyChannel(fd, log);
    this.#replies = replies;
    const onIdle = (): void => this.#notifier.sendMore();
    this.#session = new Session({ filesystem, replies, pageBytes, log, onIdle });
    this.#notifier = new Notifier({
      write: (messages) => this.#notifications.send(fd, messages),
      isWaitedFor: (ino) => this.#session.isWaitedFor(ino),
      log,
    });
    this.#reader = new DeviceReaderThread(fd, (message) => this.#session.handle(message));
    const unsubscribe = filesystem.onKernelCacheChange((change) => this.#notifier.enqueue(change));
    process.on('exit', this.#onExit);
    const finished = this.#reader.ended.then(async (end) => {
      process.off('exit', this.#onExit);
      unsubscribe();
      return this.#finish(end);
    });
    const gaveUp = new Promise<MountEnd>((resolve) => (this.#giveUp = () => resolve('unmounted')));
    this.ended = Promise.race([finished, gaveUp]);
  }

  /** Resolves with what was agreed, or with nothing when the connection ended before. */
  async initialized(): Promise<Negotiation | undefined> {
    return Promise.race([this.#session.initialized, this.ended.then(() => undefined)]);
  }

  set place(place: MountPlace) {
    this.#place = place;
  }

  get handover(): Handover | undefined {
    const { mountpoint, id } = this.#place ?? {};
    if (mountpoint === undefined || id === undefined || !this.#session.canResend) return undefined;
    const device = { fd: this.#fd, mountpoint, mountId: id };
    return { device, begin: (isStillWanted, settle) => this.#handOver(isStillWanted, settle) };
  }

  /** Takes the place of a process that has served this device. */
  async goOn(place: MountPlace): Promise<void> {
    this.#place = place;
    this.lookAtOptions();
    this.#session.canResend = true;
    const failures = await this.#notifications.send(this.#fd, [notifyResend()]);
    const [failure] = failures.values();
    if (failure !== undefined)
      this.#log.warn('the kernel does not ask again what was not answered', { failure });
  }

  async #handOver(isStillWanted: () => boolean, settle: () => Promise<void>): Promise<boolean> {
    // A notification waits for requests: a process that leaves them to another one would not end before these are answered.
    const isQuiet = await Promise.race([this.#notifier.rest(), sleep(WAKE_MS, false, { ref: false })]);
    if (!isQuiet || !isStillWanted()) {
      this.#notifier.goOn();
      return false;
    }
    this.#session.pause();
    await settle();
    // The answers to what has ended just now are written first.
    await nextTurn();
    this.#replies.close();
    this.#session.refuseAll();
    process.off('exit', this.#onExit);
    this.#reader.requestStop();
    this.#reader.unref();
    // What the thread reads until then is asked once more.
    exitWithoutThreads();
    return true;
  }

  /** Minor device number of the files of the mount, where it can be known. */
  get connection(): number | undefined {
    return connectionOf(this.#fd) ?? this.#place?.connection;
  }

  /**
   * Finds out from the mount table whether the kernel compares owner, group and mode with callers. Where the mount is not
   * to be seen there (it is in another namespace, or the kernel is older than 6.16 and somebody else has mounted), the
   * filesystem goes on doing so itself.
   */
  lookAtOptions(): void {
    const options = mountOf(this.connection)?.superOptions ?? [];
    this.#session.kernelChecksPermissions = options.includes('default_permissions');
  }

  unmount(timeoutMs: number): Promise<void> {
    if (this.#unmounting !== undefined) this.#hurry.abort();
    this.#unmounting ??= this.#unmount(timeoutMs).catch((error: unknown) => {
      this.#unmounting = undefined;
      throw error;
    });
    return this.#unmounting;
  }

  async #unmount(timeoutMs: number): Promise<void> {
    let root: FileHandle | undefined;
    try {
      if (this.#place !== undefined) {
        const { mountpoint, id } = this.#place;
        const beforeDetach = async (): Promise<void> => {
          root = await open(mountpoint).catch(() => undefined);
        };
        const options = { mountId: id, beforeDetach, hurry: this.#hurry.signal };
        await unmountOrDetach(mountpoint, timeoutMs, this.#log, options);
        if (await this.#endsWithin(LET_GO_MS)) return;
      }
      await this.#stop(root);
    } finally {
      await root?.close();
    }
  }

  /** Stops serving, mounted or not. Whoever still uses the mount gets ENOTCONN from now on. */
  async #stop(root?: FileHandle): Promise<void> {
    this.#stopping = true;
    // In this order: a notification waits for requests, and is never to be cut off from their answers.
    this.#session.refuseAll();
    await Promise.race([this.#notifier.close(), sleep(WAKE_MS, undefined, { ref: false })]);
    this.#reader.requestStop();
    if (await this.#endsWithin(0)) return;
    const path = root === undefined ? undefined : `/proc/self/fd/${root.fd}`;
    const isCalled = await wakeReader(this.connection, path);
    if (isCalled && (await this.#endsWithin(WAKE_MS))) return;
    this.#log[isCalled ? 'warn' : 'debug'](
      'the thread that reads the FUSE device does not wake up: the process ends without it',
    );
    this.#reader.unref();
    this.#giveUp();
  }

  /** The process exits while the thread reads, by a mistake perhaps: Node would wait for it for ever. */
  readonly #onExit = (status: number): void => {
    this.#session.refuseAll();
    const path = this.#place?.mountpoint ?? mountpointOf(connectionOf(this.#fd));
    const ended = this.#reader.endNow(() => {
      if (path !== undefined) wakeReaderNow(path);
    });
    if (!ended) endAtOnce(status);
  };

  async #endsWithin(timeoutMs: number): Promise<boolean> {
    return Promise.race([this.ended.then(() => true), sleep(timeoutMs, false, { ref: false })]);
  }

  async #finish(end: DeviceReaderEnd): Promise<MountEnd> {
    this.#session.refuseAll();
    const connection = connectionOf(this.#fd);
    await this.#notifier.close();
    this.#notifications.end();
    this.#replies.close();
    closeSync(this.#fd);
    const isGone = end.reason === 'unmounted' && (await isGoneSoon(() => this.#isInMountTable(connection)));
    // The kernel has closed every file, though it may not have told us of the last ones.
    if (isGone) this.#session.releaseAll();
    if (isGone || this.#stopping) return 'unmounted';
    if (end.reason === 'broken') {
      this.#log.error('the FUSE device cannot be read any more', { error: end.error });
    } else {
      this.#log.warn('the FUSE connection was aborted: by an administrator, umount -f or a request timeout');
    }
    return 'lost';
  }

  /** @param connection where it is known; what somebody else has mounted can be found by that only */
  #isInMountTable(connection: number | undefined): boolean {
    const place = this.#place;
    if (place === undefined) return mountpointOf(connection) !== undefined;
    return mountsAt(place.mountpoint).some((entry) => entry.id === place.id);
  }
}
