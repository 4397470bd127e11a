import type { DumpTag } from '../../base/tag.js';
import { decodeStatus } from '../../rtas/index.js';
import type { LibrtasPort, PlatformDumpAnswer } from '../../rtas/index.js';
import type { SimFirmware } from './firmware.js';
import { sleep, yieldAfterBusy } from './precise-wait.js';

/**
 * `rtas_platform_dump()` over the simulated firmware: busy is repeated at once, an extended delay slept in full
 * (up to 100 s), everything else handed to the caller.
 *
 * @see librtas 2.0.6, librtas_src/syscall_calls.c
 */
export function simLibrtasPort(firmware: SimFirmware): LibrtasPort {
  return {
    platformDump(tag: bigint, sequence: bigint, buffer: Uint8Array | null): PlatformDumpAnswer {
      for (let retries = 0; ; retries += 1) {
        const answer = firmware.call(tag as DumpTag, sequence, buffer);
        const outcome = decodeStatus(answer.status);
        if (outcome.kind !== 'retry') return answer;
        if (outcome.delayMs === 0) yieldAfterBusy(retries);
        else sleep(outcome.delayMs);
      }
    },
  };
}
