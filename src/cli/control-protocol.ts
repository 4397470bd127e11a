import type { ListedDump } from './listing.js';
import type { DumpChange } from './listing-changes.js';

/** One request per connection, a JSON line. The response is one as well; to `watch` a line for each change. */
export interface ControlRequest {
  readonly request: 'list' | 'status' | 'watch';
}

/** A line of the response to `watch`. */
export type WatchLine =
  /** From now on changes are told. */
  | { readonly kind: 'watching'; readonly mountpoint: string }
  | ({ readonly kind: 'change'; /** ISO 8601. */ readonly time: string } & DumpChange)
  /** Lockdown: nothing more may be told. */
  | { readonly kind: 'locked'; readonly mountpoint: string }
  | { readonly kind: 'error'; readonly message: string };

/** What a daemon is; told at every lockdown level. */
export interface DaemonStatus {
  readonly mountpoint: string;
  readonly pid: number;
  readonly version: string;
  readonly source: string;
  readonly transport: string;
  /** Value of the option. */
  readonly lockdown: 'enforce' | 'ignore';
}

export type ControlResponse =
  | ({ readonly kind: 'status' } & DaemonStatus)
  | { readonly kind: 'dumps'; readonly mountpoint: string; readonly dumps: readonly ListedDump[] }
  /** Lockdown: nothing may be told. */
  | { readonly kind: 'locked'; readonly mountpoint: string }
  | { readonly kind: 'error'; readonly message: string };

/** A request that is longer is not ours. */
export const MAX_REQUEST_BYTES = 1024;

/** 10,000 dumps take about 3 MiB. */
export const MAX_RESPONSE_BYTES = 64 * 1024 ** 2;

/** Lines that somebody who watches may leave unread, in bytes. */
export const MAX_UNREAD_BYTES = 16 * 1024 ** 2;

/** How long either side waits for the other, in milliseconds. */
export const CONTROL_TIMEOUT_MS = 5000;
