/** One entry of a `-o` list. */
export interface MountListItem {
  readonly name: string;
  /** Absent: the entry is a mere word. */
  readonly value?: string;
}

/**
 * Splits `-o` text as fstab(5) writes it: entries between commas, a name and its value around the first `=`.
 * A backslash takes the character behind it literally. Inside double quotes a comma separates nothing, as mount(8)
 * has it for SELinux contexts; the quotes stay, because the kernel wants them.
 */
export function splitMountList(text: string): MountListItem[] {
  return splitEntries(text)
    .filter((entry) => entry !== '')
    .map((entry) => {
      const equals = entry.indexOf('=');
      return equals < 0 ? { name: entry } : { name: entry.slice(0, equals), value: entry.slice(equals + 1) };
    });
}

function splitEntries(text: string): string[] {
  const entries = [''];
  let quoted = false;
  for (const [whole, escaped] of text.matchAll(/\\([^])|[^]/g)) {
    if (whole === '"') quoted = !quoted;
    if (whole === ',' && !quoted) entries.push('');
    else entries.push(`${entries.pop() ?? ''}${escaped ?? whole}`);
  }
  return entries;
}
