import { readFileSync } from 'node:fs';
import type { Severity } from '../../base/errno.js';
import type { DaemonLog } from '../log/daemon-log.js';
import { parseOptions } from '../options/parse-options.js';
import { tellServiceManager } from './service-manager.js';

/** Set by the unit: its EnvironmentFile, which an operator changes before `systemctl reload`. */
const SETTINGS_VARIABLE = 'PLATDUMPFS_SETTINGS';
const OPTIONS_VARIABLE = 'PLATDUMPFS_OPTIONS';

/**
 * SIGHUP: the file of `--log-file` is opened again, and `--log-level` is read again where the unit's settings have it.
 * Everything else stays as it is until a restart.
 *
 * @param status what `systemctl status` says afterwards
 */
export function reloadOnHangUp(daemonLog: DaemonLog, status: () => string): Disposable {
  const { log } = daemonLog;
  const reload = async (): Promise<void> => {
    void tellServiceManager('reloading', status(), log);
    await daemonLog.reopen();
    const logLevel = rereadLevel(daemonLog);
    log.info('reloaded', { logLevel });
    void tellServiceManager('ready', status(), log);
  };
  const onHangUp = (): void => void reload();
  process.on('SIGHUP', onHangUp);
  return { [Symbol.dispose]: () => process.off('SIGHUP', onHangUp) };
}

function rereadLevel(daemonLog: DaemonLog): Severity | undefined {
  const path = process.env[SETTINGS_VARIABLE];
  if (path === undefined) return undefined;
  try {
    const level = levelIn(readFileSync(path, 'utf8'));
    daemonLog.setLevel(level);
    return level;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    daemonLog.log.warn('the settings cannot be read: the log level stays', { path, why });
    return undefined;
  }
}

/**
 * @param text of an EnvironmentFile: `PLATDUMPFS_OPTIONS=--log-level=debug --unlink=never`. @see systemd.exec(5)
 * @throws CommandError for options that the next start would refuse
 */
export function levelIn(text: string): Severity {
  const values = [...text.matchAll(new RegExp(`^\\s*${OPTIONS_VARIABLE}=(.*)$`, 'gm'))];
  const words = (values.at(-1)?.[1] ?? '').replace(/^(["'])(.*)\1\s*$/, '$2').split(/\s+/);
  return parseOptions(
    'mount',
    words.filter((word) => word !== ''),
  ).settings.logLevel;
}
