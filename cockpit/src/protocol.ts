/** What a daemon answers on its control socket. @see docs/control.md, which says that fields are only ever added */

export interface DaemonStatus {
  readonly mountpoint: string;
  readonly pid: number;
  readonly version: string;
  readonly source: string;
  readonly transport: string;
  readonly lockdown: 'enforce' | 'ignore';
}

export interface Dump {
  readonly tag: string;
  readonly type: string;
  /** Bytes; null: not known yet. */
  readonly size: number | null;
  readonly sizeOrigin: string | null;
  readonly state: string;
  /** Bytes that readers have received. */
  readonly delivered: number;
  /** ISO 8601. */
  readonly firstSeen: string;
  readonly source: string;
  /** File name that the dump's own header suggests; null: not read yet. */
  readonly name: string | null;
  /** Of what firmware delivered; absent or null: not known. */
  readonly sha256?: string | null;
}

export type Answer =
  | ({ readonly kind: 'status' } & DaemonStatus)
  | { readonly kind: 'dumps'; readonly dumps: readonly Dump[] }
  | { readonly kind: 'locked' };

export type WatchLine =
  | { readonly kind: 'watching' }
  | {
      readonly kind: 'change';
      readonly event: 'appeared' | 'vanished' | 'changed';
      readonly dump: Dump;
    }
  | { readonly kind: 'locked' };

/** A line of `platdumpfs save --json`. */
export type SaveLine =
  | { readonly event: 'progress'; readonly tag: string; readonly done: number; readonly total: number }
  | {
      readonly event: 'saved';
      readonly tag: string;
      readonly bytes: number;
      readonly sha256: string;
      readonly path: string;
      readonly isNew: boolean;
    }
  | { readonly event: 'removed'; readonly tag: string };

/** Of `platdumpfs doctor --json`. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'note' | 'warn' | 'fail';
  readonly finding: string;
  readonly remedy: string | null;
}

/** As a dump's file is named. */
export function isTag(word: string): boolean {
  return /^0x[0-9a-f]{16}$/.test(word);
}
