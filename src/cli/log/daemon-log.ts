import type { Severity } from '../../base/errno.js';
import type { LogFields, Logger } from '../../base/log.js';
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
  close(): void;
}

/** A log that outlives the terminal. */
interface LastingLog {
  readonly log: Logger;
  /** Why nothing is written. */
  readonly failure?: () => string | undefined;
  readonly close: () => void;
}

/**
 * To `--log-file`, else to standard error; a daemon whose parent goes away once it has started logs to the system's log
 * instead, and to standard error as well until then, unless that is one that lasts.
 *
 * @throws Error in one line, where the file of `--log-file` cannot be used
 */
export function openDaemonLog(settings: Settings, parent: Parent | undefined): DaemonLog {
  const options = logOptions(settings, parent?.logFormat);
  const standardError = createLogger(options);
  const isLeft = parent !== undefined && !standardErrorLasts();
  const lasting = settings.logFile === undefined ? undefined : fileLog(settings, settings.logFile);
  const other = lasting ?? (isLeft ? systemLog(settings) : undefined);
  if (other === undefined)
    return { log: standardError, started: () => undefined, fatal: () => undefined, close: () => undefined };
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
    close: other.close,
  };
}

function fileLog(settings: Settings, path: string): LastingLog {
  const format = settings.logFormat ?? 'json';
  const file = new LogFile(path, format === 'text');
  const log = createLogger({ level: settings.logLevel, format, write: file.write });
  const reopen = (): void => {
    try {
      file.reopen();
    } catch (error) {
      log.warn('the log file cannot be opened again, going on in the one that is open', { error });
    }
  };
  process.on('SIGHUP', reopen);
  return {
    log,
    close: () => {
      process.off('SIGHUP', reopen);
      file.close();
    },
  };
}

function systemLog(settings: Settings): LastingLog {
  const system = new SystemLog();
  const format = settings.logFormat ?? 'text';
  return {
    log: createLogger({ level: settings.logLevel, format, journal: true, write: system.write }),
    failure: () => system.failure,
    close: () => system.close(),
  };
}

function loggerOf(log: (severity: Severity, message: string, fields?: LogFields) => void): Logger {
  const at =
    (severity: Severity) =>
    (message: string, fields?: LogFields): void =>
      log(severity, message, fields);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
