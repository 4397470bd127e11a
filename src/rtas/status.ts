import type { ErrnoName } from '../base/errno.js';

/** What one status word of `ibm,platform-dump` asks its caller to do. */
export type CallOutcome =
  | { readonly kind: 'complete' }
  | { readonly kind: 'more' }
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'failed'; readonly code: ErrnoName; readonly reason: string };

/** The statuses that callers and tests name. */
export const RTAS_STATUS = {
  complete: 0,
  continue: 1,
  hardwareError: -1,
  busy: -2,
  parameterError: -3,
  notAuthorized: -9002,
  extendedDelayMin: 9900,
  extendedDelayMax: 9905,
} as const;

const FIXED_STATUS = new Map<number, CallOutcome>([
  [RTAS_STATUS.complete, { kind: 'complete' }],
  [RTAS_STATUS.continue, { kind: 'more' }],
  [RTAS_STATUS.busy, { kind: 'retry', delayMs: 0 }],
  [RTAS_STATUS.hardwareError, { kind: 'failed', code: 'EIO', reason: 'hardware error' }],
  [RTAS_STATUS.notAuthorized, { kind: 'failed', code: 'EPERM', reason: 'not authorized' }],
]);

/**
 * Interprets the status word of one `ibm,platform-dump` call.
 *
 * @param status Signed 32-bit RTAS status, host byte order.
 * @returns Never throws: a status outside the specification is `failed` with `EIO`.
 * @see PAPR+ v2.13, 7.3.3.4.1 for the call; Linux `rtas_busy_delay_time` (arch/powerpc/kernel/rtas.c) for
 *   9900..9905, a suggested wait of 10^(status - 9900) ms.
 */
export function decodeStatus(status: number): CallOutcome {
  const fixed = FIXED_STATUS.get(status);
  if (fixed !== undefined) return fixed;
  if (status >= RTAS_STATUS.extendedDelayMin && status <= RTAS_STATUS.extendedDelayMax)
    return { kind: 'retry', delayMs: 10 ** (status - RTAS_STATUS.extendedDelayMin) };
  return { kind: 'failed', code: 'EIO', reason: `unknown RTAS status ${status}` };
}
