import { exitWithoutThreads } from '../../base/exit-without-threads.js';
import { keepThreadCode } from '../../base/thread-code.js';
import type { Logger } from '../../base/log.js';
import type { Filesystem } from '../../fs/index.js';
import type { HandedDevice, Mounted, Transport } from '../../fuse/index.js';
import {
  checkMountpoint,
  connectionOf,
  MountError,
  mountpointOf,
  mountsAt,
  selectTransport,
} from '../../fuse/index.js';
import { DiscreetLog, carryOutRise } from '../../lockdown/index.js';
import type { AnySource } from '../../source/index.js';
import { integrityEffect } from '../../source/index.js';
import { Cleanup } from './cleanup.js';
import { compose, openGround } from './compose.js';
import type { DaemonStatus } from '../control/control-protocol.js';
import { controlRoutes } from '../control/control-routes.js';
import { serveControl } from '../control/control-socket.js';
import { metricsRoute } from '../metrics/metrics-route.js';
import { daemonize } from './daemonize.js';
import { CommandError, EXIT } from '../exit-status.js';
import type { Handover } from './handover.js';
import { HandoverOnRequest, removeLeft } from './handover-on-request.js';
import {
  endHandingOver,
  goOnHandingOver,
  predecessorOf,
  prepareHandover,
  sayDroppedRemovals,
} from './handover.js';
import { checkNotHidden } from './hidden-paths.js';
import { openTrace } from './open-trace.js';
import type { DaemonLog } from '../log/daemon-log.js';
import { openDaemonLog } from '../log/daemon-log.js';
import { logOptions } from '../options/log-settings.js';
import type { MountRequest } from './mount-request.js';
import type { Settings } from '../options/option-table.js';
import { attachmentOf, passedDescriptor } from './mount-request.js';
import { openUnlockedGate } from '../unlocked-gate.js';
import { collectOrphans } from './orphans.js';
import type { Parent } from './parent.js';
import { waitingParent } from './parent.js';
import { hardenProcess } from './process-hardening.js';
import { chooseSource } from '../select-source.js';
import { reloadOnHangUp } from './reload.js';
import { answerWatchdog, tellServiceManager } from './service-manager.js';
import { MOUNT_OF_OTHERS, OWN_MOUNT, mountedUnlessStopped } from './mount-wait.js';
import { serveUntilEnd } from './serve-until-end.js';
import { findRunningMount } from './take-over.js';
import { StopSignals } from './stop-signals.js';
import { warnIfHidden } from './visibility.js';
import { version } from '../version.js';

/**
 * Unmounted already: nobody but threads that still work for the mount is waited for. A container's PID 1 is to end in less
 * than a second: whoever stops it kills it soon.
 */
const CLEANUP_MS = process.pid === 1 ? 500 : 10_000;

/** A device that is mounted already: nobody has to be able to mount. */
const DEVICE = '/dev/fd/3';

const LOCKED = 'locked down: no dump can be reached until restart';

/** @param args the command line after the program's name, for the daemon to parse again */
export async function mountCommand(request: MountRequest, args: readonly string[]): Promise<number> {
  const parent = waitingParent();
  if (request.daemon && parent === undefined) return daemonize(args, request, logOptions(request.settings));
  const daemonLog = await openDaemonLog(request.settings, parent);
  const { log } = daemonLog;
  const cleanup = new Cleanup(log);
  try {
    await mountAndServe(request, parent, cleanup, daemonLog);
  } catch (error) {
    daemonLog.fatal(error instanceof Error ? error.message : String(error));
    throw error;
  } finally {
    await endWithin(CLEANUP_MS, cleanup, log);
    await daemonLog.close();
  }
  return EXIT.done;
}

/** At exit Node waits for its threads, and one that is inside a firmware call may stay there for minutes. */
async function endWithin(timeoutMs: number, cleanup: Cleanup, log: Logger): Promise<void> {
  if (await cleanup.runWithin(timeoutMs)) return;
  log.warn('a thread does not come back from firmware: the process ends without it');
  exitWithoutThreads();
}

async function mountAndServe(
  request: MountRequest,
  parent: Parent | undefined,
  cleanup: Cleanup,
  daemonLog: DaemonLog,
): Promise<void> {
  const { settings } = request;
  const { log: processLog } = daemonLog;
  const stop = new StopSignals();
  cleanup.add('signals', () => stop[Symbol.dispose]());
  process.umask(0o077);
  const isOnItsOwn = parent === undefined && passedDescriptor(request.mountpoint) === undefined;
  const running = settings.takeover ? await findRunningMount(request) : undefined;
  const kept = isOnItsOwn && !settings.takeover ? await predecessorOf(request, processLog) : undefined;
  const device = running?.device ?? kept?.device;
  // First of all: whoever mistyped it is told that, and nothing else.
  const mountpoint = await mountErrorsAsStatus(() => realMountpoint(request, parent, device));
  const { source, passedOver } = chooseSource(request.source, settings);
  if (request.source === 'auto') processLog.info('source chosen', { source: source.name, ...passedOver });
  const gate = await openUnlockedGate(settings, source.isReal, processLog, kept !== undefined).catch(
    (error: unknown) => {
      // Nobody goes on at that level, and no daemon comes that would remove it.
      removeLeft({ mountpoint, request, log: processLog });
      throw error;
    },
  );
  cleanup.add('lockdown gate', () => gate[Symbol.asyncDispose]());
  checkHidesNothing(mountpoint, settings, device);
  const discreet = new DiscreetLog(processLog);
  const { log } = discreet;
  if (gate.level === 'integrity') sayIntegrity(source, log);
  const trace = await openTrace(settings.traceRtas, cleanup, log);
  const ground = openGround(source, settings, cleanup, log, trace);
  const transport = await mountErrorsAsStatus(() =>
    selectTransport(settings.transport, log, device ? DEVICE : request.mountpoint),
  );
  // From here on nobody else serves the mount, unless a signal has come in time.
  const predecessor = (await running?.handOver(gate, stop.signal)) ?? kept;
  const composition = compose(ground, settings, gate, cleanup, log, predecessor?.mount);
  const { store, filesystem, answers, hiding } = composition;
  if (predecessor !== undefined) sayDroppedRemovals(predecessor, store, log);
  let handover: Handover | undefined;
  let dropOffer = (): void => undefined;
  let dropAnswers = (): void => undefined;
  const hideDumps = (): void =>
    carryOutRise(
      {
        ...hiding,
        dropHandover: () => {
          handover?.drop();
          dropOffer();
        },
        veilLog: () => discreet.veil(),
        dropAnswers: () => dropAnswers(),
        tellOperator: () => {
          log.warn(LOCKED, { reason: gate.reason });
          void tellServiceManager('locked', LOCKED, log);
        },
      },
      log,
    );
  // In the turn in which the store was made: in the next ones it asks firmware by itself.
  gate.onRise(hideDumps);
  // Before the kernel is told anything by this process.
  if (kept !== undefined) {
    const { name } = kept.mount;
    if (gate.locked()) await endHandingOver(name, request, log);
    else handover = await goOnHandingOver(kept.device, name, composition, request, log);
  }
  cleanup.add('handover', () => handover?.drop());
  // Before anything of a dump is in memory, but behind the cache's allocation: told to overwrite what is freed, the C
  // library would also write all of that memory, which takes longer than everything else until the mount is ready.
  hardenProcess(processLog);
  keepThreadCode();
  const orphans = collectOrphans();
  cleanup.add('orphans', () => orphans[Symbol.dispose]());
  // No directory is kept busy by a daemon that happens to have been started in it.
  process.chdir('/');
  const mounting = mountErrorsAsStatus(() =>
    predecessor !== undefined && transport.goOn !== undefined
      ? transport.goOn(filesystem, predecessor.device, log)
      : mount(transport, filesystem, { ...request, mountpoint }, parent, log),
  );
  const waits = passedDescriptor(mountpoint) === undefined ? OWN_MOUNT : MOUNT_OF_OTHERS;
  const mounted = await mountedUnlessStopped(mounting, stop, log, waits);
  if (predecessor !== undefined) composition.volume.goOn();
  if (kept === undefined && isOnItsOwn)
    handover = await prepareHandover(mounted.handover?.device, composition, request, log);
  // The level has risen while nobody served.
  if (gate.locked()) {
    handover?.drop();
    hiding.dropPages();
  }
  const status: DaemonStatus = {
    mountpoint,
    device: deviceAt(mountpoint),
    pid: process.pid,
    version: version(),
    source: source.name,
    transport: transport.name,
    lockdown: settings.lockdown,
  };
  const metrics = metricsRoute({ status, store, gate, answers });
  const ofMount = { mounted, mountpoint, transport: transport.name };
  const leaving = new HandoverOnRequest({ ...ofMount, composition, request, gate, log });
  dropOffer = () => leaving.drop();
  const routes = [...controlRoutes(status, store, gate), metrics.route, ...leaving.routes];
  const control = await serveControl(mountpoint, routes, log);
  cleanup.add('control socket', () => control.close());
  dropAnswers = () => control.lock();
  warnIfHidden(mountpoint, log);
  const isGoingOn = predecessor === undefined ? undefined : true;
  log.info('mounted', { mountpoint, source: source.name, transport: transport.name, isGoingOn });
  daemonLog.started();
  await parent?.ready();
  const serves = `serves ${source.name} at ${mountpoint}`;
  const reload = reloadOnHangUp(daemonLog, () => (gate.locked() ? LOCKED : serves));
  cleanup.add('reload', () => reload[Symbol.dispose]());
  const watchdog = answerWatchdog(log);
  cleanup.add('watchdog', () => watchdog[Symbol.dispose]());
  await tellServiceManager('ready', serves, log);
  // What was told of a rise meanwhile has been replaced by that.
  if (gate.locked()) await tellServiceManager('locked', LOCKED, log);
  store.getReady();
  // Now, while the program is what it was when it was started; and behind what somebody waits for.
  await metrics.getReady().catch((error: unknown) => log.warn('GET /metrics does not work', { error }));
  const handOver = async (): Promise<boolean> => {
    if ((await leaving.settle()) || (await handover?.leave(mounted)) === true) return true;
    handover?.drop();
    return false;
  };
  await serveUntilEnd(mounted, stop, settings.unmountTimeout, log, handOver, leaving.done);
}

function sayIntegrity(source: AnySource, log: Logger): void {
  const { works, text } = integrityEffect(source);
  log[works ? 'info' : 'warn']('kernel lockdown is at integrity', { effect: text });
}

/** Without symbolic links, so that `list` and `umount` find it under any spelling. */
async function realMountpoint(
  { mountpoint }: MountRequest,
  parent: Parent | undefined,
  device: HandedDevice | undefined,
): Promise<string> {
  if (device !== undefined) return device.mountpoint;
  const descriptor = passedDescriptor(mountpoint);
  if (descriptor !== undefined) {
    // Throws where it is none of FUSE's.
    connectionOf(descriptor);
    return mountpoint;
  }
  return await (parent?.mounter?.resolve() ?? checkMountpoint(mountpoint));
}

/** Behind the first look at the level: paths are followed, and that of the level may hang. @throws CommandError `usage` */
function checkHidesNothing(mountpoint: string, settings: Settings, device: HandedDevice | undefined): void {
  const descriptor = passedDescriptor(mountpoint);
  const place = descriptor === undefined ? mountpoint : mountpointOf(connectionOf(descriptor));
  if (place === undefined) return;
  const isAutomount = descriptor === undefined && mountsAt(place).at(-1)?.fstype === 'autofs';
  checkNotHidden(place, settings, isAutomount || descriptor !== undefined || device !== undefined);
}

/** Clients in containers see the mount under other names. */
function deviceAt(mountpoint: string): string | undefined {
  const descriptor = passedDescriptor(mountpoint);
  const minor =
    descriptor === undefined ? mountsAt(mountpoint).at(-1)?.deviceMinor : connectionOf(descriptor);
  return minor === undefined ? undefined : `0:${minor}`;
}

function mount(
  transport: Transport,
  filesystem: Filesystem,
  request: MountRequest,
  parent: Parent | undefined,
  log: Logger,
): Promise<Mounted> {
  return transport.mount(filesystem, { ...attachmentOf(request), log, mounter: parent?.mounter });
}

async function mountErrorsAsStatus<T>(attempt: () => T | Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (error instanceof MountError) throw new CommandError(EXIT.couldNotMount, error.message);
    throw error;
  }
}
