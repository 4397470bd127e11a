/*
 * The part of Cockpit's interface that the page uses. `../base1/cockpit.js`, which the machine's own Cockpit brings, defines
 * it as a global: it belongs to the version that runs there.
 */

/** A promise of Cockpit's: what fails says what the other side had answered, too. */
export interface Pending<T> extends Promise<T> {
  /** Called with each piece of text as it comes; `then` gets only what nobody took. */
  stream(take: (text: string) => void): Pending<T>;
  /** Ends it. For a process: SIGTERM. */
  close(problem?: string): void;
  input(text?: string, more?: boolean): Pending<T>;
}

/** What a failed request or process says. */
export interface Failure {
  /** A word of Cockpit's: `not-found`, `access-denied`, `cancelled`, `terminated`. */
  readonly problem?: string | null;
  readonly message?: string;
  /** Of HTTP. */
  readonly status?: number;
  readonly exit_status?: number | null;
  readonly exit_signal?: string | null;
}

export interface HttpClient {
  request(options: {
    readonly method: string;
    readonly path: string;
    /** Without one, the request waits for `input`. */
    readonly body: string;
    readonly headers?: Record<string, string>;
  }): Pending<string>;
  close(problem?: string): void;
}

export interface Channel {
  addEventListener(type: 'message', listener: (event: Event, message: string) => void): void;
  addEventListener(
    type: 'close',
    listener: (event: Event, options: { readonly problem?: string }) => void,
  ): void;
  close(problem?: string): void;
}

export interface Permission {
  /** Null: not known yet. */
  readonly allowed: boolean | null;
  addEventListener(type: 'changed', listener: () => void): void;
  close(): void;
}

interface Cockpit {
  gettext(text: string): string;
  ngettext(one: string, many: string, count: number): string;
  format(template: string, ...values: readonly (string | number)[]): string;
  format_bytes(bytes: number): string;
  format_bytes_per_sec(bytes: number): string;
  readonly language: string;
  http(options: { readonly unix: string; readonly superuser: 'require' }): HttpClient;
  spawn(
    args: readonly string[],
    options?: {
      readonly superuser?: 'require' | 'try';
      readonly err?: 'message' | 'out' | 'ignore';
      readonly environ?: readonly string[];
    },
  ): Pending<string>;
  channel(options: Record<string, unknown>): Channel;
  permission(options: { readonly admin: true }): Permission;
  transport: { wait(then: () => void): void };
}

declare global {
  interface Window {
    readonly cockpit: Cockpit;
  }
}

export const cockpit = window.cockpit;
export const _ = (text: string): string => cockpit.gettext(text);
