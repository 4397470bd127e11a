import type { FsError } from '../../src/base/errno.js';
import type { Filesystem, KernelCacheChange } from '../../src/fs/index.js';

export type HeldOperation = 'lookup' | 'getattr' | 'read' | 'unlink' | 'getxattr';

export interface MemoryFile {
  readonly name: string;
  readonly ino: number;
  size: number;
  validMs: number;
  /** False: looked up, it has the largest size there is, for no time at all; `getattr` knows better. */
  sizeKnown: boolean;
  /** Bytes that reached a reader. */
  delivered: number;
}

/** A small `Filesystem` for tests of transports: files of generated content, waits at will, everything counted. */
export interface MemoryFilesystem {
  readonly filesystem: Filesystem;
  readonly files: Map<string, MemoryFile>;
  /** How often each operation was called. */
  readonly calls: Record<string, number>;
  /** Lookups that the kernel has not given back, by inode. */
  readonly lookups: Map<number, number>;
  readonly openFiles: { readonly size: number; has(fh: number): boolean };
  /** Bytes handed out and not disposed of yet. */
  pinned(): number;
  add(name: string, size: number): MemoryFile;
  /** Takes the name away; the inode stays. */
  remove(name: string): void;
  /** Operations of this kind, on files with this prefix, wait from now on, until `letGo` or an interrupt. */
  hold(operation: HeldOperation, prefix?: string): void;
  letGo(operation: HeldOperation): void;
  /** Operations that wait now. */
  waiting(): number;
  emit(change: KernelCacheChange): void;
}

/** @param errorClass FsError of the program under test: compiled or source */
export function createMemoryFilesystem(errorClass: typeof FsError): MemoryFilesystem;

/** What a file of this name and size contains at `offset`. */
export function memoryContent(name: string, offset: number, length: number): Uint8Array;

/** SHA-256 of a whole file, in hex. */
export function memoryDigest(name: string, size: number): string;
