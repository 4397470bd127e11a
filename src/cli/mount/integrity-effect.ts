import type { RealSourceName } from '../../source/index.js';
import { allowedAt } from '../../lockdown/index.js';
import { findLibrtas, prefersDevice } from '../../source/index.js';

/** What kernel lockdown at `integrity` does to a source. */
export interface IntegrityEffect {
  readonly works: boolean;
  /** One line. */
  readonly text: string;
}

/**
 * Of all that dumps come from, only the memory of the machine is closed at integrity.
 *
 * @param usesDevice whether librtas goes through the kernel's character device; looked for by default
 */
export function integrityEffect(
  source: RealSourceName | 'sim',
  usesDevice = librtasUsesDevice(),
): IntegrityEffect {
  if (source !== 'librtas') return { works: true, text: `source ${source} works as without lockdown` };
  if (usesDevice) return { works: true, text: 'librtas goes through /dev/papr-platform-dump and works' };
  return {
    works: allowedAt('integrity').physicalMemory,
    text: 'librtas cannot read dumps, since /dev/mem is closed: a kernel with /dev/papr-platform-dump can (--source papr)',
  };
}

function librtasUsesDevice(): boolean {
  const library = findLibrtas();
  return library !== undefined && prefersDevice(library);
}
