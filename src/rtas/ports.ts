/**
 * The two ways in which Linux lets a program reach `ibm,platform-dump`, as ports: the real ones and the simulated
 * hypervisor's stand behind the same interface. All calls block the calling thread, possibly for minutes.
 */

/** Smallest buffer that firmware accepts, in bytes (LoPAR, Platform Dump Option, Length argument). */
export const MIN_BUFFER_BYTES = 1024;

/** Most that `/dev/papr-platform-dump` hands over per read: its work area (papr-platform-dump.c). */
export const PAPR_READ_BYTES = 4096;

/**
 * `/dev/papr-platform-dump` and its handles, as the kernel driver behaves (arch/powerpc/platforms/pseries/
 * papr-platform-dump.c). Methods throw a `SystemCallError`.
 */
export interface PaprDevice {
  /** PAPR_PLATFORM_DUMP_IOC_CREATE_HANDLE. Makes no firmware call. EALREADY: some process has this tag open. */
  createHandle(tag: bigint): number;
  /** read(2) on the handle: the next chunk, at most 4096 bytes. 0 is the end, or "continue with 0 bytes". */
  read(handle: number, into: Uint8Array): number;
  /** PAPR_PLATFORM_DUMP_IOC_INVALIDATE. EINPROGRESS unless the handle's last firmware status is 0. */
  invalidate(handle: number, tag: bigint): void;
  close(handle: number): void;
}

export interface PlatformDumpAnswer {
  /** RTAS status (0, 1, -1, -9002), or a librtas code (-1001 and below). Busy and delay were waited out. */
  readonly status: number;
  readonly nextSequence: bigint;
  readonly bytesReturned: number;
}

/** `rtas_platform_dump()` of librtas. A `null` buffer means "finished with this dump": firmware forgets it. */
export interface LibrtasPort {
  platformDump(tag: bigint, sequence: bigint, buffer: Uint8Array | null): PlatformDumpAnswer;
}
