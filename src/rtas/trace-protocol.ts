/** What the process that writes a trace is told: lines that begin with one of these. */
export const ORDER = {
  /** A line of the trace follows. */
  append: '+',
  /** So many lines were lost before the next one. */
  lost: '-',
  /** Report `settled`. */
  settle: '=',
} as const;

/** What that process says, a line of JSON each. */
export type TraceReport =
  /** First: the file is open. */
  | { readonly op: 'ready' }
  /** First and last: it cannot be opened. */
  | { readonly op: 'failed'; readonly reason: string }
  /** In the order of `settle`: all that came before it is written, or lost. */
  | { readonly op: 'settled' }
  | { readonly op: 'trouble'; readonly reason: string }
  | { readonly op: 'recovery'; readonly lost: number };
