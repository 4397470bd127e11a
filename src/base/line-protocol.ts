/** What the process that writes lines is told: lines that begin with one of these. */
export const ORDER = {
  /** A line for the file follows. */
  append: '+',
  /** So many lines were lost before the next one. */
  lost: '-',
  /** Open the file again. */
  reopen: '~',
  /** Report `settled`. */
  settle: '=',
} as const;

/** What that process says, a line of JSON each. */
export type LineReport =
  /** First: the file is open. */
  | { readonly op: 'ready' }
  /** First and last: it cannot be opened. */
  | { readonly op: 'failed'; readonly reason: string }
  /** In the order of `settle`: all that came before it is done, or lost. */
  | { readonly op: 'settled' }
  /** The file cannot be opened again, and the one that is open goes on. */
  | { readonly op: 'not-reopened'; readonly reason: string }
  | { readonly op: 'trouble'; readonly reason: string }
  | { readonly op: 'recovery'; readonly lost: number };
