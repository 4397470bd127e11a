import type { StdioOptions } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../base/log.js';

const LIMIT_MS = 5000;
const KILLED_LATE = { timeout: LIMIT_MS, killSignal: 'SIGKILL' } as const;

/** sd_notify(3) has no word for a service that is there and gives nothing away. */
const STATES = {
  ready: ['READY=1'],
  reloading: ['RELOADING=1'],
  locked: [],
  stopping: ['STOPPING=1'],
} as const;

/** Pings within the time that systemd waits for one: the first two may get lost. */
const PINGS = 3;

/** What was said before: the last word counts, so nothing overtakes another. */
let before = Promise.resolve();

/**
 * Tells systemd how far the service has come, where it asked to be told. Never fails: dumps are served as well where the
 * service manager does not hear of it.
 *
 * By systemd-notify(1), since Node.js has no datagram sockets of AF_UNIX; hence NotifyAccess=all in the unit.
 *
 * @param status one line for `systemctl status`
 * @see sd_notify(3)
 */
export function tellServiceManager(state: keyof typeof STATES, status: string, log: Logger): Promise<void> {
  before = before.then(() => notify(state, [...STATES[state], `STATUS=${status}`], log));
  return before;
}

/**
 * Pings the watchdog of systemd, where the unit asks for that. The timer is of the thread that answers readers: when that
 * hangs, systemd ends the process and starts it again.
 */
export function answerWatchdog(log: Logger, env: NodeJS.ProcessEnv = process.env): Disposable {
  const limitUs = Number(env['WATCHDOG_USEC']);
  const isMeant = env['WATCHDOG_PID'] === undefined || env['WATCHDOG_PID'] === String(process.pid);
  if (!(limitUs > 0) || !isMeant) return { [Symbol.dispose]: () => undefined };
  const ping = (): void => void notify('watchdog', ['WATCHDOG=1'], log);
  const timer = setInterval(ping, limitUs / 1000 / PINGS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** The number under which systemd-notify inherits what it is to pass on. */
const INHERITED_FD = 3;

/**
 * Has systemd keep a descriptor, and give it to the process that it starts in place of this one.
 *
 * Where `FDSTORE` says that there is room for it, systemd is 254 or later, and so is its systemd-notify, which can do that.
 *
 * @returns false: it does not
 * @see sd_pid_notify_with_fds(3)
 */
export async function storeDescriptor(
  fd: number,
  name: string,
  log: Logger,
  env: NodeJS.ProcessEnv = process.env,
): Promise<boolean> {
  if (env['NOTIFY_SOCKET'] === undefined || !(Number(env['FDSTORE']) > 0)) return false;
  const args = [`--fd=${INHERITED_FD}`, `--fdname=${name}`, 'FDSTORE=1'];
  const status = await run(args, ['ignore', 'ignore', 'ignore', fd]);
  if (status !== 0) log.warn('systemd does not keep the mount for a restart', { status });
  return status === 0;
}

/** Has systemd close what it keeps under a name. Returns when that is done. */
export async function dropDescriptor(name: string, log: Logger): Promise<void> {
  const status = await run(['FDSTOREREMOVE=1', `FDNAME=${name}`], 'ignore');
  if (status !== 0) log.warn('systemd still keeps the descriptor of a mount', { status });
}

function run(args: readonly string[], stdio: StdioOptions): Promise<number | null> {
  const ending = new Promise<number | null>((resolve) => {
    const child = spawn('systemd-notify', args, { stdio, ...KILLED_LATE });
    child.on('error', () => resolve(null));
    child.on('exit', resolve);
  });
  return inTime(ending, null);
}

/** A program that not even SIGKILL ends holds up nobody. */
function inTime<T>(ending: Promise<T>, otherwise: T): Promise<T> {
  return Promise.race([ending, sleep(LIMIT_MS + 500, otherwise, { ref: false })]);
}

/** A descriptor that systemd has kept, and its name. */
export interface StoredDescriptor {
  readonly fd: number;
  readonly name: string;
}

/**
 * Takes the descriptors that systemd gives to this process. No program that is started later takes them for its own.
 * @see sd_listen_fds(3)
 */
export function takeStoredDescriptors(env: NodeJS.ProcessEnv = process.env): readonly StoredDescriptor[] {
  const { LISTEN_PID: pid, LISTEN_FDS: count, LISTEN_FDNAMES: names = '' } = env;
  delete env['LISTEN_PID'];
  delete env['LISTEN_FDS'];
  delete env['LISTEN_FDNAMES'];
  if (pid !== String(process.pid) || !(Number(count) > 0)) return [];
  const named = names.split(':');
  return Array.from({ length: Number(count) }, (_, at) => ({ fd: 3 + at, name: named[at] ?? '' }));
}

/**
 * The service that ends when this process does: systemd has started it, or wants to be told how far it has come.
 *
 * @returns its name as far as it can be found out; undefined: there is none
 * @see systemd.exec(5)
 */
export function serviceOfThisProcess(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const isStarted = env['SYSTEMD_EXEC_PID'] === String(process.pid);
  if (!isStarted && env['NOTIFY_SOCKET'] === undefined) return undefined;
  const groups = readFileSync('/proc/self/cgroup', 'utf8');
  return /([^/\n]+\.service)$/m.exec(groups)?.[1] ?? 'its service';
}

/** Whether systemd stops this service to start it again at once. */
export async function isToBeStartedAgain(): Promise<boolean> {
  const unit = (await systemctl('whoami')).trim();
  return isRestartJob(await systemctl('list-jobs', '--no-legend', '--plain', unit), unit);
}

/** @param jobs as systemctl lists them: number, unit, type, state */
export function isRestartJob(jobs: string, unit: string): boolean {
  return jobs.split('\n').some((line) => {
    const [, named, type] = line.trim().split(/\s+/);
    return named === unit && type === 'restart';
  });
}

/** @returns what it says; nothing where it cannot */
function systemctl(...args: readonly string[]): Promise<string> {
  const whose = process.getuid?.() === 0 ? [] : ['--user'];
  const saying = new Promise<string>((resolve) => {
    execFile('systemctl', [...whose, ...args], KILLED_LATE, (_, said) => resolve(said));
  });
  return inTime(saying, '');
}

async function notify(state: string, assignments: readonly string[], log: Logger): Promise<void> {
  if (process.env['NOTIFY_SOCKET'] === undefined) return;
  const telling = new Promise<string | undefined>((resolve) => {
    execFile('systemd-notify', assignments, KILLED_LATE, (error) => resolve(error?.message));
  });
  const reason = await inTime(telling, 'systemd-notify does not end');
  if (reason !== undefined) log.warn('cannot tell the service manager', { state, reason });
}
