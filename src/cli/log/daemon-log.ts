import type { Severity } from '../../base/errno.js';
import type { LogFields, LogOptions, Logger } from '../../base/log.js';
import { createLogger } from '../../base/log.js';
import { logOptions, standardErrorLasts } from '../options/log-settings.js';
import type { Settings } from '../options/option-table.js';
import type { Parent } from '../mount/parent.js';
import { LogFile } from './log-file.js';
import { SystemLog } from './system-log.js';

/** Where a daemon logs. */
export interface DaemonLog {
  readonly log: Logger;
  /** Nobody reads standard error from now on, where somebody waited for us to start. */
  started(): void;
  /** The last message, which standard error gets by other means. */
  fatal(message: string): void;
  /** Least severity that is logged from now on. */
  setLevel(level: Severity): void;
  /** Opens the file of `--log-file` again, which somebody has moved away. */
  reopen(): Promise<void>;
  /** Resolves when all is written, or cannot be. */
  close(): Promise<void>;
}

/** A log that outlives the terminal. */
interface LastingLog {
  readonly log: Logger;
  /** Why nothing is written. */
  readonly failure?: () => string | undefined;
  readonly reopen?: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * To `--log-file`, else to standard error; a daemon whose parent goes away once it has started logs to the system's log
 * instead, and to standard error as well until then, unless that is one that lasts.
 *
 * @throws Error in one line, where the file of `--log-file` cannot be used
 */
export async function openDaemonLog(settings: Settings, parent: Parent | undefined): Promise<DaemonLog> {
  let current = settings.logLevel;
  const withLevel: WithLevel = (options) => ({
    ...options,
    get level() {
      return current;
    },
  });
  const setLevel = (level: Severity): void => void (current = level);
  const standardError = createLogger(withLevel(logOptions(settings, parent?.logFormat)));
  const isLeft = parent !== undefined && !standardErrorLasts();
  const lasting =
    settings.logFile === undefined ? undefined : await fileLog(settings.logFile, settings, withLevel);
  const other = lasting ?? (isLeft ? systemLog(settings, withLevel) : undefined);
  const nothing = (): void => undefined;
  const atOnce = (): Promise<void> => Promise.resolve();
  if (other === undefined)
    return {
      log: standardError,
      setLevel,
      started: nothing,
      fatal: nothing,
      reopen: atOnce,
      close: atOnce,
    };
  let isHeard = isLeft;
  return {
    log: loggerOf((severity, message, fields) => {
      other.log[severity](message, fields);
      if (isHeard) standardError[severity](message, fields);
    }),
    started: () => {
      const failure = other.failure?.();
      if (failure !== undefined)
        standardError.warn('nothing is logged from now on; --log-file would help', { why: failure });
      isHeard = false;
    },
    fatal: (message) => other.log.error(message),
    setLevel,
    reopen: other.reopen ?? atOnce,
    close: other.close,
  };
}

type WithLevel = (options: Omit<LogOptions, 'level'>) => LogOptions;

async function fileLog(path: string, { logFormat }: Settings, withLevel: WithLevel): Promise<LastingLog> {
  const format = logFormat ?? 'json';
  const file = await LogFile.open(path, format, (reason) =>
    log.warn('the log file cannot be opened again, going on in the one that is open', { reason }),
  );
  const log = createLogger(withLevel({ format, write: file.write }));
  return { log, reopen: () => file.reopen(), close: () => file.close() };
}

function systemLog(settings: Settings, withLevel: WithLevel): LastingLog {
  const system = new SystemLog();
  const format = settings.logFormat ?? 'text';
  return {
    log: createLogger(withLevel({ format, journal: true, write: system.write })),
    failure: () => system.failure,
    close: () => {
      system.close();
      return Promise.resolve();
    },
  };
}

function loggerOf(log: (severity: Severity, message: string, fields?: LogFields) => void): Logger {
  const at =
    (severity: Severity) =>
    (message: string, fields?: LogFields): void =>
      log(severity, message, fields);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
