import type { Severity } from './errno.js';
import { FsError } from './errno.js';
import { escapedJson, printable } from './printable.js';
import { writeStandardError } from './standard-error.js';

export type LogFields = Readonly<Record<string, unknown>>;

/** One event per line: a constant message, what varies in the fields. */
export type Logger = Record<Severity, (message: string, fields?: LogFields) => void>;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly Severity[];

// sd-daemon(3): the journal takes the priority from a prefix on each line of standard error.
export const JOURNAL_PRIORITY: Record<Severity, number> = { debug: 7, info: 6, warn: 4, error: 3 };

export interface LogOptions {
  /** Asked for each line: it may change. */
  readonly level: Severity;
  readonly format: 'text' | 'json';
  /** Prefix lines for the journal. */
  readonly journal?: boolean;
  /** May throw: the line is lost then, and is counted. */
  readonly write?: (line: string) => void;
}

type LineOf = (severity: Severity, message: string, fields: LogFields) => string;

/** By `LogOptions.format`. */
export const LINE_OF: Record<LogOptions['format'], LineOf> = { json: jsonLine, text: textLine };

export function createLogger(options: LogOptions): Logger {
  // Synchronous, so that the last lines before a crash are not lost.
  const write = options.write ?? writeStandardError;
  const lineOf = options.journal && options.format === 'text' ? journalLine : LINE_OF[options.format];
  let lost = 0;
  const at =
    (severity: Severity) =>
    (message: string, fields: LogFields = {}): void => {
      if (LOG_LEVELS.indexOf(severity) < LOG_LEVELS.indexOf(options.level)) return;
      try {
        const prefix = options.journal ? `<${JOURNAL_PRIORITY[severity]}>` : '';
        const lines = [lineOf(severity, message, fields)];
        if (lost > 0) lines.unshift(lostLines(lineOf, lost));
        write(lines.map((line) => `${prefix}${line}\n`).join(''));
        lost = 0;
      } catch {
        // Whoever logs is in the middle of something, as a firmware call that cannot be made again: a line less must not
        // change what comes of it.
        lost += 1;
      }
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** What takes the place of lines that were lost, without the end of the line. */
export function lostLines(lineOf: LineOf, lost: number): string {
  return lineOf('warn', 'log lines were lost: nobody took them', { lost });
}

export const silentLogger: Logger = createLogger({ level: 'error', format: 'text', write: () => undefined });

function jsonLine(level: Severity, message: string, fields: LogFields): string {
  return escapedJson(JSON.stringify({ time: new Date().toISOString(), level, message, ...fields }, plain));
}

function textLine(severity: Severity, message: string, fields: LogFields): string {
  return `platdumpfs: ${severity}: ${journalLine(severity, message, fields)}`;
}

/** The journal says beside each line which program it comes from, and its priority. */
function journalLine(_severity: Severity, message: string, fields: LogFields): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${textValue(plain(key, value))}`);
  return [printable(message), ...pairs].join(' ');
}

function textValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value, plain);
  return /^[\w./:+-]+$/.test(text) ? text : escapedJson(JSON.stringify(text));
}

/** JSON knows neither bigint nor Error, at any depth. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  return value instanceof Error ? describe(value) : value;
}

function describe(error: Error): string {
  if (!(error instanceof FsError)) return error.stack ?? error.message;
  // What nobody foresaw (FsError.from) can be found only by its stack.
  const cause = error.cause instanceof Error ? `, caused by ${describe(error.cause)}` : '';
  return `${error.code}: ${error.message}${cause}`;
}
