import type { ChildProcess, StdioOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { setImmediate as turn } from 'node:timers/promises';
import type { LogOptions } from '../../base/log.js';
import { standardErrorLasts } from '../options/log-settings.js';
import { printError } from '../print.js';
import { EXIT } from '../exit-status.js';
import { endingSignals } from '../hang-up.js';
import type { MountRequest } from './mount-request.js';
import { passedDescriptor } from './mount-request.js';
import { MountForDaemon } from './mount-for-daemon.js';
import type { ParentOffer, ToParent } from './parent.js';
import { PARENT_VARIABLE } from './parent.js';

/**
 * Starts this program again in a session of its own and waits until its mount is usable or it has failed.
 *
 * Its standard error is a pipe to us, passed through while we wait. The daemon does not hold our own descriptors: with
 * them, `$(...)` and ssh would wait for the daemon. Standard error that is the journal or a file nobody waits for: the
 * daemon keeps it.
 *
 * @returns the exit status for the shell
 */
export async function daemonize(
  args: readonly string[],
  request: MountRequest,
  log: LogOptions,
): Promise<number> {
  using mounting = new MountForDaemon(request);
  const device = mounting.fd ?? passedDescriptor(request.mountpoint);
  let interruptedBy: NodeJS.Signals | undefined;
  const forward = (signal: NodeJS.Signals): void => {
    interruptedBy = signal;
    // A daemon does not mind that a terminal goes away: we do, who wait at one.
    child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
  };
  // Before there is a daemon: a signal that came in between would leave it alone. None is heard before the next turn.
  for (const signal of endingSignals()) process.on(signal, forward);
  const offer: ParentOffer = { logFormat: log.format, device: mounting.fd };
  const child = spawn(process.execPath, [...process.execArgv, programPath(), ...args], {
    detached: true,
    env: { ...process.env, [PARENT_VARIABLE]: JSON.stringify(offer) },
    stdio: descriptorsFor(device),
  });
  child.stderr?.pipe(process.stderr);
  return await outcomeOf(child, mounting, () => interruptedBy);
}

/** Standard streams, then the FUSE device at the number it has here, then the channel on which the daemon reports. */
function descriptorsFor(device: number | undefined): StdioOptions {
  const stdio: (number | 'ignore' | 'pipe' | 'inherit' | 'ipc')[] = [
    'ignore',
    'ignore',
    standardErrorLasts() ? 'inherit' : 'pipe',
  ];
  while (device !== undefined && stdio.length < device) stdio.push('ignore');
  if (device !== undefined && device > 2) stdio.push(device);
  return [...stdio, 'ipc'];
}

async function outcomeOf(
  child: ChildProcess,
  mounting: MountForDaemon,
  interruptedBy: () => NodeJS.Signals | undefined,
): Promise<number> {
  const ended = new Promise<number>((resolve) => {
    child.once('error', (error) => {
      printError(`cannot start the daemon: ${error.message}`);
      resolve(EXIT.failed);
    });
    child.once('close', (status, signal) => resolve(status ?? statusOfSignal(signal)));
  });
  const ready = new Promise<number>((resolve) => {
    child.on('message', (message: ToParent) => {
      if ('ready' in message) resolve(EXIT.done);
      // A daemon that has gone meanwhile needs no answer.
      else void mounting.answer(message.ask).then((answer) => child.connected && child.send(answer));
    });
  });
  const status = await Promise.race([ended, ready]);
  const signal = interruptedBy();
  // Whoever interrupts the start wants no mount: it is undone when we return.
  if (signal !== undefined) return ended.then(() => 128 + constants.signals[signal]);
  // What the daemon logged before it reported lies in the pipe: two turns of the event loop read it.
  await turn();
  await turn();
  child.stderr?.unpipe();
  child.unref();
  return status;
}

function statusOfSignal(signal: NodeJS.Signals | null): number {
  printError(`the daemon was ended by ${signal ?? 'an unknown signal'} before its mount was usable`);
  return signal === null ? EXIT.failed : 128 + constants.signals[signal];
}

function programPath(): string {
  const program = process.argv[1];
  if (program === undefined) throw new Error('cannot tell which program to start as a daemon');
  return program;
}
