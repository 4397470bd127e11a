/** A line of text with the time in front, which lines of text do not say themselves. */
export function withTime(line: string): string {
  return `${new Date().toISOString()} ${line}`;
}
