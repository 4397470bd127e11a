import type { ListedDump } from './listing.js';

/** One request and one response per connection, a JSON line each. */
export interface ControlRequest {
  readonly request: 'list';
}

export type ControlResponse =
  | { readonly kind: 'dumps'; readonly mountpoint: string; readonly dumps: readonly ListedDump[] }
  /** Lockdown: nothing may be told. */
  | { readonly kind: 'locked'; readonly mountpoint: string }
  | { readonly kind: 'error'; readonly message: string };

/** A request that is longer is not ours. */
export const MAX_REQUEST_BYTES = 1024;

/** 10,000 dumps take about 3 MiB. */
export const MAX_RESPONSE_BYTES = 64 * 1024 ** 2;

/** How long either side waits for the other, in milliseconds. */
export const CONTROL_TIMEOUT_MS = 5000;
