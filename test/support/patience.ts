/** For whatever has to happen by itself: a busy machine is slow, a broken program never does it. Less than a test may take. */
export const PATIENCE_MS = 60_000;

/** As an option of `vi.waitFor` and `vi.waitUntil`. */
export const PATIENCE = { timeout: PATIENCE_MS, interval: 20 };
