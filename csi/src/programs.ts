import { execFile } from 'node:child_process';

/** A mount that hangs is not waited for. */
const LIMIT_MS = 10_000;

/** Runs a program of the system. @throws Error with what it said, in one line */
export function run(program: string, args: readonly string[], limitMs = LIMIT_MS): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: limitMs, killSignal: 'SIGKILL' as const };
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (error.killed === true) reject(new Error(`${program} does not come back`));
      else reject(new Error(stderr.trim().split('\n')[0] ?? error.message, { cause: error }));
    });
  });
}
