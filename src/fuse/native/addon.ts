import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { isMainThread } from 'node:worker_threads';

/**
 * The native half of `fuse-native` 2.2.6: libfuse 2's callbacks as JavaScript calls, and a `signal` per operation to
 * answer them.
 *
 * The JavaScript half of the package is left out on purpose: it refuses to mount over another filesystem (an autofs),
 * runs a shell to unmount, has a closed list of mount options, answers extended attributes without looking at the size
 * of the caller's buffer, and loses the handle of `fgetattr`.
 */
export type FuseAddon = Record<`op_${OperationName}`, number> &
  Record<`fuse_native_signal_${OperationName}`, Signal> & {
    readonly sizeof_fuse_thread_t: number;
    /** Mounts, and starts libfuse's threads. @param thread and `allocate`'s memory belong to libfuse from now on */
    fuse_native_mount(
      mountpoint: string,
      options: string,
      thread: Buffer,
      self: object,
      allocate: (sizeBytes: number) => Buffer,
      callbacks: readonly (Callback | undefined)[],
      implemented: Uint32Array,
    ): void;
    /** Lets the event loop end; unmounts nothing. */
    fuse_native_unmount(mountpoint: string, thread: Buffer): void;
  };

/** Called on the main thread while libfuse's `worker` thread waits for its signal. */
export type Callback = (worker: Buffer, operation: number, ...args: unknown[]) => void;

/** @param result 0, a byte count, or a negative errno */
export type Signal = (worker: Buffer, result: number, ...rest: unknown[]) => void;

/** Callbacks that the transport knows of. The addon has more; libfuse answers ENOSYS for those. */
export type OperationName =
  | 'init'
  | 'access'
  | 'chmod'
  | 'chown'
  | 'create'
  | 'fgetattr'
  | 'ftruncate'
  | 'getattr'
  | 'getxattr'
  | 'link'
  | 'listxattr'
  | 'mkdir'
  | 'mknod'
  | 'open'
  | 'opendir'
  | 'read'
  | 'readdir'
  | 'release'
  | 'releasedir'
  | 'removexattr'
  | 'rename'
  | 'rmdir'
  | 'setxattr'
  | 'statfs'
  | 'symlink'
  | 'truncate'
  | 'unlink'
  | 'utimens'
  | 'write';

export type LoadedFuseNative =
  { readonly ok: true; readonly addon: FuseAddon } | { readonly ok: false; readonly why: string };

/** Loads the optional package. Never throws: `why` says what is missing and how to get it. */
export function loadFuseNative(): LoadedFuseNative {
  // The addon posts to the default loop of the process, whichever thread loaded it.
  if (!isMainThread) return { ok: false, why: 'fuse-native works in the main thread only' };
  try {
    const manifest = createRequire(import.meta.url).resolve('fuse-native/package.json');
    const find = createRequire(manifest)('node-gyp-build') as (directory: string) => FuseAddon;
    return { ok: true, addon: find(dirname(manifest)) };
  } catch (error) {
    return { ok: false, why: explain(error) };
  }
}

function explain(error: unknown): string {
  const text = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  if (/cannot find module 'fuse-native/i.test(text))
    return 'the optional package fuse-native is not installed';
  if (text.includes('libfuse.so.2'))
    return 'libfuse.so.2 is missing: install libfuse2 (Debian) or fuse-libs (Fedora)';
  if (text.startsWith('No native build'))
    return `fuse-native has no binary for ${process.platform}-${process.arch}`;
  return `fuse-native does not load: ${text}`;
}
