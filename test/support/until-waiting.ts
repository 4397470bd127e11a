import { readFileSync } from 'node:fs';
import { until } from './mounted.js';

/**
 * Waits until a process waits for an answer that takes long: looked at more than once, since what it asks before is answered
 * at once.
 *
 * @param where it waits in the kernel, as `/proc/PID/wchan` has it
 */
export async function untilWaiting(pid: number | undefined, where: RegExp): Promise<void> {
  let looks = 0;
  await until('firmware is asked', () => {
    looks = where.test(readFileSync(`/proc/${pid}/wchan`, 'latin1')) ? looks + 1 : 0;
    return looks > 3;
  });
}
