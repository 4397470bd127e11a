import type { ListedDump } from '../query/listed-dump.js';
import type { DumpChange } from '../query/listing-changes.js';

/*
 * What travels over the control socket: HTTP/1.1 with JSON, described for users in docs/control.md. Fields and kinds are
 * only ever added under /v1.
 */

/** What a daemon is; told at every lockdown level. */
export interface DaemonStatus {
  readonly mountpoint: string;
  /** Number of the mounted device, as /proc/PID/mountinfo has it: the same in each mount namespace. Absent: not known. */
  readonly device?: string | undefined;
  readonly pid: number;
  readonly version: string;
  readonly source: string;
  readonly transport: string;
  /** Value of the option. */
  readonly lockdown: 'enforce' | 'ignore';
}

/** What was wrong, for programs; `message` says it to people. */
export type ControlErrorCode = keyof typeof STATUS_OF_ERROR;

export interface ControlError {
  readonly kind: 'error';
  readonly code: ControlErrorCode;
  readonly message: string;
}

/** Lockdown: nothing of a dump may be told. */
export interface Locked {
  readonly kind: 'locked';
  readonly mountpoint: string;
}

/** What another process has to know to go on with the mount. */
export interface HandoverOffer {
  readonly mountpoint: string;
  readonly pid: number;
  /** Of the FUSE device in that process. */
  readonly descriptor: number;
  /** In which `pid` counts: what /proc/PID/ns/pid is a link to. */
  readonly pidNamespace: string;
  /** Of what the next process is told. */
  readonly format: number;
  /** What cannot be changed without another mount. */
  readonly madeWith: Readonly<Record<string, unknown>>;
}

/** The body of an answer. */
export type ControlResponse =
  | ({ readonly kind: 'status' } & DaemonStatus)
  | { readonly kind: 'dumps'; readonly mountpoint: string; readonly dumps: readonly ListedDump[] }
  | { readonly kind: 'dump'; readonly mountpoint: string; readonly dump: ListedDump }
  | ({ readonly kind: 'handover' } & HandoverOffer)
  | { readonly kind: 'handed-over'; readonly mountpoint: string }
  | Locked
  | ControlError;

/** A line of the answer to `GET /v1/watch`. */
export type WatchLine =
  /** From now on changes are told. */
  | { readonly kind: 'watching'; readonly mountpoint: string }
  | ({ readonly kind: 'change'; /** ISO 8601. */ readonly time: string } & DumpChange)
  /** The last line. */
  | Locked;

const STATUS_OF_ERROR = {
  'bad-request': 400,
  'not-found': 404,
  'method-not-allowed': 405,
  conflict: 409,
  'too-large': 413,
  failed: 500,
  busy: 503,
} as const;

/** The HTTP status that goes with a body. */
export function httpStatus(response: ControlResponse): number {
  if (response.kind === 'error') return STATUS_OF_ERROR[response.code];
  return response.kind === 'locked' ? 423 : 200;
}

/** Header of a request, in bytes. */
export const MAX_HEADER_BYTES = 8 * 1024;

/** Body of a request, in bytes. */
export const MAX_REQUEST_BYTES = 64 * 1024;

/** 10,000 dumps take about 4 MiB. */
export const MAX_RESPONSE_BYTES = 64 * 1024 ** 2;

/** Lines that somebody who watches may leave unread, in bytes. */
export const MAX_UNREAD_BYTES = 4 * 1024 ** 2;

/** How long a request may take to arrive, and either side waits for the other while nothing moves, in milliseconds. */
export const SILENCE_MS = 5000;

/** How long an answer that is not a stream may take to be read, in milliseconds. */
export const ANSWER_MS = 30_000;
