/** One line on standard error. */
export function say(message: string): void {
  process.stderr.write(`platdumpfs-csi: ${message}\n`);
}
