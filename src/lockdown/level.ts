/** Kernel lockdown levels, lowest first (security/lockdown/lockdown.c). */
export const LOCKDOWN_LEVELS = ['none', 'integrity', 'confidentiality'] as const;
export type LockdownLevel = (typeof LOCKDOWN_LEVELS)[number];

/**
 * Reads the text of securityfs' `lockdown` file: the levels in one line, the active one in brackets. A kernel may
 * offer fewer levels than three.
 *
 * @returns the active level; undefined when the text is anything but that, which callers take for locked
 */
export function parseLockdownLevel(text: string): LockdownLevel | undefined {
  const words = text
    .replace(/\n$/, '')
    .split(/[ \t]/)
    .filter((word) => word !== '');
  if (!words.every((word) => /^(?:[a-z_]+|\[[a-z_]+\])$/.test(word))) return undefined;
  const active = words.filter((word) => word.startsWith('['));
  if (active.length !== 1) return undefined;
  return LOCKDOWN_LEVELS.find((level) => `[${level}]` === active[0]);
}
