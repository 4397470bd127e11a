import type { ExitStatus } from '../exit-status.js';
import { EXIT } from '../exit-status.js';

/** `note`: worth knowing, nothing to do. `warn`: a mount works, with a risk. `fail`: a mount does not work. */
export type FindingStatus = 'ok' | 'note' | 'warn' | 'fail';

/** What one check found. `doctor --json` shows these; fields are only ever added. */
export interface Finding {
  /** What was looked at: a fixed word. */
  readonly check: string;
  readonly status: FindingStatus;
  /** One line. */
  readonly finding: string;
  /** What to do; absent where there is nothing to do, or the finding says it. */
  readonly remedy?: string;
  /** Of a `fail`: the status that `mount` would end with; default: failed. */
  readonly exitStatus?: ExitStatus;
}

/** The status of the whole: of the first failure that has one of its own, in the order in which `mount` meets them. */
export function exitStatusOf(findings: readonly Finding[]): ExitStatus {
  const failed = findings.filter(({ status }) => status === 'fail');
  if (failed.length === 0) return EXIT.done;
  const statuses = failed.map(({ exitStatus = EXIT.failed }) => exitStatus);
  return (
    [EXIT.noFirmwareInterface, EXIT.lockedDown].find((status) => statuses.includes(status)) ?? EXIT.failed
  );
}

/** A line per finding. */
export function findingsTable(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  return findings
    .map(({ status, check, finding, remedy }) => {
      const todo = remedy === undefined ? '' : `; ${remedy}`;
      return `${status.padEnd(4)}  ${check.padEnd(width)}  ${finding}${todo}\n`;
    })
    .join('');
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
