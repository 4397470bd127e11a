import { writeSync } from 'node:fs';
import type { Severity } from './errno.js';
import { FsError } from './errno.js';

export type LogFields = Readonly<Record<string, unknown>>;

/** One event per line: a constant message, what varies in the fields. */
export type Logger = Record<Severity, (message: string, fields?: LogFields) => void>;

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly Severity[];

// sd-daemon(3): the journal takes the priority from a prefix on each line of standard error.
const JOURNAL_PRIORITY: Record<Severity, number> = { debug: 7, info: 6, warn: 4, error: 3 };

export interface LogOptions {
  readonly level: Severity;
  readonly format: 'text' | 'json';
  /** Prefix lines for the journal. */
  readonly journal?: boolean;
  readonly write?: (line: string) => void;
}

export function createLogger(options: LogOptions): Logger {
  // Synchronous, so that the last lines before a crash are not lost.
  const write = options.write ?? writeAll;
  const threshold = LOG_LEVELS.indexOf(options.level);
  const at =
    (severity: Severity) =>
    (message: string, fields: LogFields = {}): void => {
      if (LOG_LEVELS.indexOf(severity) < threshold) return;
      const line =
        options.format === 'json'
          ? JSON.stringify({ time: new Date().toISOString(), level: severity, message, ...plain(fields) })
          : textLine(severity, message, fields);
      write(`${options.journal ? `<${JOURNAL_PRIORITY[severity]}>` : ''}${line}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export const silentLogger: Logger = createLogger({ level: 'error', format: 'text', write: () => undefined });

function writeAll(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // Nobody reads standard error any more (EPIPE, EAGAIN): losing a line is better than stopping to serve dumps.
  }
}

function textLine(severity: Severity, message: string, fields: LogFields): string {
  const pairs = Object.entries(plain(fields)).map(([key, value]) => `${key}=${textValue(value)}`);
  return [`platdumpfs: ${severity}: ${message}`, ...pairs].join(' ');
}

function textValue(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[\w./:+-]+$/.test(text) ? text : JSON.stringify(text);
}

/** JSON knows neither bigint nor Error. */
function plain(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, typeof value === 'bigint' ? `0x${value.toString(16)}` : describe(value)]),
  );
}

function describe(value: unknown): unknown {
  if (value instanceof FsError) return `${value.code}: ${value.message}`;
  return value instanceof Error ? (value.stack ?? value.message) : value;
}
