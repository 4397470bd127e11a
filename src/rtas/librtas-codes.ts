/**
 * What `rtas_platform_dump()` returns instead of an RTAS status when the call never reached firmware.
 *
 * @see librtas 2.0.6, librtas_src/librtas.h
 */
const LIBRTAS_REASONS = new Map([
  [-1001, 'the kernel has no interface to firmware (RTAS_KERNEL_INT)'],
  [-1002, 'the kernel lacks this firmware function (RTAS_KERNEL_IMP)'],
  [-1003, 'only root may call firmware (RTAS_PERM)'],
  [-1004, 'out of memory (RTAS_NO_MEM)'],
  [
    -1005,
    'no buffer in low memory is free (RTAS_NO_LOWMEM); another program may be using librtas, try again',
  ],
  [-1006, 'librtas lost track of its buffer (RTAS_FREE_ERR)'],
  [-1007, 'firmware stayed busy beyond the time limit set in librtas (RTAS_TIMEOUT)'],
  [
    -1098,
    'librtas cannot map its buffer (RTAS_IO_ASSERT); kernel lockdown forbids /dev/mem, which this librtas needs: ' +
      'see /sys/kernel/security/lockdown, or use a kernel with /dev/papr-platform-dump',
  ],
  [-1099, 'firmware has no ibm,platform-dump (RTAS_UNKNOWN_OP)'],
]);

/** Largest library code; RTAS statuses above it come from firmware itself, as does -9002. */
const FIRST_CODE = -1001;
const LAST_CODE = -1099;

/** Says what a library code means; absent for values that are RTAS statuses. */
export function librtasReason(status: number): string | undefined {
  if (status > FIRST_CODE || status < LAST_CODE) return undefined;
  return LIBRTAS_REASONS.get(status) ?? `librtas failed with code ${status}`;
}
