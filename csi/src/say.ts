/** One line on standard error. */
export function say(message: string): void {
  process.stderr.write(`platdumpfs-csi: ${plain(message)}\n`);
}

/** Of words that others chose: no line of their own, nothing a terminal obeys, and not without end. */
export function plain(text: string): string {
  return text
    .slice(0, LONGEST)
    .replace(/\p{C}/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** As much as kubelet puts into an event. */
const LONGEST = 1024;
