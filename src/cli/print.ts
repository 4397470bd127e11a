import { writeSync } from 'node:fs';

/** Writes to standard output and waits until it has left this process. A reader that went away is no failure. */
export function printOut(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') resolve();
      else reject(error);
    });
    process.stdout.write(text, () => resolve());
  });
}

/** One line for the user on standard error. */
export function printError(message: string): void {
  try {
    writeSync(2, `platdumpfs: ${message}\n`);
  } catch {
    // Nobody reads standard error: the exit status has to say it all.
  }
}
