/** Set by the shell lines of bin/platdumpfs: Node itself does not know any more which signals it was started to ignore. */
const VARIABLE = 'PLATDUMPFS_IGNORES_SIGHUP';

/** Whether the program is to go on when its terminal goes away: nohup(1), `trap '' HUP`. */
export function ignoresHangUp(env: NodeJS.ProcessEnv = process.env): boolean {
  return env[VARIABLE] !== undefined;
}

/** Signals that end a command which somebody waits for. */
export function endingSignals(env: NodeJS.ProcessEnv = process.env): readonly NodeJS.Signals[] {
  return ignoresHangUp(env) ? ['SIGINT', 'SIGTERM'] : ['SIGINT', 'SIGTERM', 'SIGHUP'];
}
