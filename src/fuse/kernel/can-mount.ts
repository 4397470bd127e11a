import { readFileSync } from 'node:fs';
import { whyNoDevice } from './device.js';

const CAP_SYS_ADMIN = 21n;

export type CanMount = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** Whether this process may mount by itself: an accessible FUSE device and the capability to mount. */
export function canMountDirectly(): CanMount {
  const why = whyNoDevice();
  if (why !== undefined) return { ok: false, why };
  if (mayMount(readFileSync('/proc/self/status', 'utf8'))) return { ok: true };
  return { ok: false, why: 'CAP_SYS_ADMIN is missing' };
}

/** @param status text of /proc/self/status */
export function mayMount(status: string): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
}
