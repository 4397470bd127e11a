/** What the thread that reads the device is told, in the first word that both threads share. */
export const RUN = 0;
export const STOP = 1;
/** For a main thread that waits in the very mount until the device is closed. */
export const STOP_AND_CLOSE = 2;
