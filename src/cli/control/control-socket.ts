import { chmodSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import type { Logger } from '../../base/log.js';
import { passedDescriptor } from '../mount/mount-request.js';
import { ensurePrivateDirectory, runtimeDirectory, socketName } from '../runtime-directory.js';
import { isAnswered } from './control-client.js';
import { SILENCE_MS } from './control-protocol.js';
import type { ControlRoute } from './control-server.js';
import { ControlServer } from './control-server.js';

/** A daemon that can be asked; or that cannot, and does nothing. */
export interface Control {
  /** Lockdown has risen: no answer that is on its way goes on. */
  lock(): void;
  /** Stops to answer and removes the socket. */
  close(): void;
}

const NOBODY_CAN_ASK: Control = { lock: () => undefined, close: () => undefined };

/**
 * Lets `platdumpfs list` and others ask this daemon. Dumps are served without it as well: where no socket can be made,
 * the log says so and that is all.
 *
 * @param silenceMs how long a request may take to arrive, and nothing may move, in milliseconds
 */
export async function serveControl(
  mountpoint: string,
  routes: readonly ControlRoute[],
  log: Logger,
  silenceMs = SILENCE_MS,
): Promise<Control> {
  const directory = runtimeDirectory();
  if (directory === undefined) {
    log.info('no control socket: XDG_RUNTIME_DIR is not set');
    return NOBODY_CAN_ASK;
  }
  const path = join(directory, socketName(nameOfMount(mountpoint)));
  try {
    ensurePrivateDirectory(directory);
    return await listen(path, new ControlServer(routes, silenceMs));
  } catch (error) {
    log.warn('no control socket: platdumpfs list cannot ask this daemon', {
      path,
      why: (error as Error).message,
    });
    return NOBODY_CAN_ASK;
  }
}

/** `/dev/fd/3` is another mount in each process that has it. */
function nameOfMount(mountpoint: string): string {
  return passedDescriptor(mountpoint) === undefined ? mountpoint : `${mountpoint} of process ${process.pid}`;
}

async function listen(path: string, control: ControlServer): Promise<Control> {
  if (await isAnswered(path)) throw new Error('another daemon answers there');
  rmSync(path, { force: true });
  await listening(control.server, path);
  chmodSync(path, 0o600);
  // Serving dumps is what keeps the process alive.
  control.server.unref();
  return {
    lock: () => control.lock(),
    close: () => {
      control.close();
      rmSync(path, { force: true });
    },
  };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}
