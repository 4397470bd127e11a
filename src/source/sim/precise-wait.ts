import { performance } from 'node:perf_hooks';

/** A parked thread comes back some 100 µs late (timer slack and wake-up), so the last stretch is spun away. */
const SPIN_MS = 0.12;

// Nobody ever notifies this cell: waiting for it is sleeping. Unlike a timer it blocks the thread, as firmware
// and kernel do, and unlike a busy loop it ends at once when the thread is terminated.
const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Blocks this thread for about `ms` milliseconds, never less. */
export function sleep(ms: number): void {
  const until = performance.now() + ms;
  for (let left = ms; left > 0; left = until - performance.now()) Atomics.wait(never, 0, 0, left);
}

/** How often `dawdle` may be called for each millisecond that is left: fast or slow, it takes less than all of it. */
const DAWDLES_PER_MS = 800;

/**
 * Blocks this thread until `performance.now()` reaches `untilMs`, late by about a microsecond.
 *
 * Each look at the clock leaves a number for the garbage collector: done all the time, 25 KB for 0.1 ms of waiting and a
 * collection every 8 ms.
 */
export function waitUntil(untilMs: number): void {
  for (let left = untilMs - performance.now(); left > 0; left = untilMs - performance.now()) {
    if (left > SPIN_MS) Atomics.wait(never, 0, 0, left - SPIN_MS);
    else for (let times = Math.floor(left * DAWDLES_PER_MS); times > 0; times -= 1) dawdle();
  }
}

/** Takes 0.2 µs, 1 µs before it is compiled, and leaves no garbage: the cell is not what is expected. */
function dawdle(): void {
  Atomics.wait(never, 0, 1, 0);
}

/** How often "busy, repeat the call soon" is repeated at once before the waits grow. */
const EAGER_RETRIES = 100;

/** Gives the processor back after a busy answer: hardly at all at first, 1 ms when it goes on. */
export function yieldAfterBusy(retries: number): void {
  Atomics.wait(never, 0, 0, retries < EAGER_RETRIES ? 0.01 : 1);
}
