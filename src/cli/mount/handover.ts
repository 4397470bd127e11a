import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Logger } from '../../base/log.js';
import type { DumpStore } from '../../dump/index.js';
import type { Volume } from '../../fs/index.js';
import type { HandedDevice, Mounted } from '../../fuse/index.js';
import { isStillMounted } from '../../fuse/index.js';
import { ensurePrivateDirectory, handoverName, runtimeDirectory } from '../runtime-directory.js';
import type { Composition } from './compose.js';
import type { HandedMount } from './handed-mount.js';
import { tellableDumps } from './handed-mount.js';
import { HandoverFile, readHandoverFile, removeHandoverFile } from './handover-file.js';
import type { MountRequest } from './mount-request.js';
import { madeWithText } from './mount-request.js';
import {
  dropDescriptor,
  isToBeStartedAgain,
  storeDescriptor,
  takeStoredDescriptors,
} from './service-manager.js';

/** Descriptors of ours in the descriptor store of systemd. */
const NAME_PREFIX = 'platdumpfs-';

/** The mount of the process before, to go on with. */
export interface Predecessor {
  readonly device: HandedDevice;
  readonly mount: HandedMount;
  /** Removals that it has accepted, and of which firmware was not told. */
  readonly removals: number;
}

/**
 * What the process before has left for this one, by the descriptor store of systemd and a file of the runtime directory.
 * What cannot be gone on with is given up: the mount is a stale one then, as after a crash without descriptor store.
 */
export async function predecessorOf(request: MountRequest, log: Logger): Promise<Predecessor | undefined> {
  let found: Predecessor | undefined;
  for (const { fd, name } of takeStoredDescriptors()) {
    if (!name.startsWith(NAME_PREFIX)) continue;
    try {
      found = readPredecessor(fd, name, request);
    } catch (error) {
      log.warn('cannot go on with the mount of the process before: readers are interrupted', {
        reason: (error as Error).message,
      });
      closeSync(fd);
      await dropDescriptor(name, log);
    }
  }
  const path = pathFor(request.mountpoint);
  // Without a descriptor store it is not ours: somebody who mounts by hand must not take it from a service that runs.
  const hasStore = process.env['FDSTORE'] !== undefined;
  if (found === undefined && path !== undefined && hasStore) removeHandoverFile(path);
  return found;
}

/** @throws Error why not */
function readPredecessor(fd: number, name: string, request: MountRequest): Predecessor {
  const path = pathFor(request.mountpoint);
  if (path === undefined) throw new Error('there is no runtime directory');
  if (request.settings.transport === 'fuse-native') throw new Error('fuse-native cannot');
  const mount = readHandoverFile(path);
  if (mount.name !== name) throw new Error(`${path} is about another mount`);
  if (mount.madeWith !== madeWithText(request)) throw new Error('it was mounted with other options');
  const device = { fd, mountpoint: mount.mountpoint, mountId: mount.mountId };
  if (!isStillMounted(device)) throw new Error('it is not mounted any more');
  return predecessorWith(device, mount, request);
}

/** What this process goes on with. */
export function predecessorWith(
  device: HandedDevice,
  mount: HandedMount,
  { settings }: MountRequest,
): Predecessor {
  const mayRemove = mount.unlink === settings.unlink;
  const dumps = tellableDumps(mount).map((dump) => ({ ...dump, isUnlinked: dump.isUnlinked && mayRemove }));
  const removals = mount.dumps.filter(({ isUnlinked }) => isUnlinked).length;
  return { device, mount: { ...mount, dumps }, removals };
}

/** A removal is carried out by this process only if nothing else can be removed by that. */
export function sayDroppedRemovals({ removals }: Predecessor, store: DumpStore, log: Logger): void {
  const dumps = removals - store.unlinked().length;
  if (dumps > 0) log.warn('unlinked dumps are not removed after this start: repeat the removal', { dumps });
}

function pathFor(mountpoint: string): string | undefined {
  const directory = runtimeDirectory();
  return directory === undefined ? undefined : join(directory, handoverName(mountpoint));
}

/** This mount, for the process that comes next to go on with. */
export interface Handover {
  /** Leaves the mount to the process that systemd starts next, if it does. */
  leave(mounted: Mounted): Promise<boolean>;
  /** Nobody is to go on with it. */
  drop(): void;
}

/** Has systemd keep a mount while this process is restarted, where it can. */
export async function prepareHandover(
  device: HandedDevice | undefined,
  composition: Composition,
  request: MountRequest,
  log: Logger,
): Promise<Handover | undefined> {
  const name = `${NAME_PREFIX}${randomBytes(16).toString('hex')}`;
  if (device === undefined || pathFor(request.mountpoint) === undefined) return undefined;
  if (!(await storeDescriptor(device.fd, name, log))) return undefined;
  return goOnHandingOver(device, name, composition, request, log);
}

/** Goes on with a mount that nobody is to go on with once more: lockdown has risen, and tags are not written down any more. */
export async function endHandingOver(name: string, request: MountRequest, log: Logger): Promise<void> {
  const path = pathFor(request.mountpoint);
  if (path !== undefined) removeHandoverFile(path);
  await dropDescriptor(name, log);
}

/** The same for a mount that systemd keeps already. */
export async function goOnHandingOver(
  device: HandedDevice,
  name: string,
  composition: Composition,
  request: MountRequest,
  log: Logger,
): Promise<Handover | undefined> {
  const path = pathFor(request.mountpoint) ?? '';
  try {
    // A descriptor alone would keep readers waiting for somebody who cannot go on.
    const onFailure = (): void => void dropDescriptor(name, log);
    const file = beginHandoverFile({ path, name, device, composition, request, log, onFailure });
    return handoverBy(file, name, composition.volume, log);
  } catch (error) {
    log.warn('a restart will interrupt readers', { path, reason: (error as Error).message });
    await dropDescriptor(name, log);
    return undefined;
  }
}

export interface BeginningOfHandover {
  readonly path: string;
  /** What the next process knows the file by. */
  readonly name: string;
  readonly device: HandedDevice;
  readonly composition: Composition;
  readonly request: MountRequest;
  readonly log: Logger;
  /** Nothing can be written any more, and the file is gone. */
  readonly onFailure: () => void;
}

/** Writes down what the next process has to know of this mount. @throws Error where that cannot be written */
export function beginHandoverFile({
  path,
  name,
  device: { mountpoint, mountId },
  composition: { store, volume },
  request,
  log,
  onFailure,
}: BeginningOfHandover): HandoverFile {
  ensurePrivateDirectory(dirname(path));
  const { unlink } = request.settings;
  const header = { name, madeWith: madeWithText(request), unlink, mountpoint, mountId };
  return new HandoverFile({ path, header, store, volume, log, onFailure });
}

function handoverBy(file: HandoverFile, name: string, volume: Volume, log: Logger): Handover {
  let isOver = false;
  /** At its rise lockdown is up to the next process: somebody has to tell the kernel what to drop. */
  let isLeaving = false;
  return {
    drop() {
      if (isOver || isLeaving) return;
      isOver = true;
      file.remove();
      void dropDescriptor(name, log);
    },
    async leave({ handover }) {
      if (isOver || handover === undefined || !file.isValid || !(await isToBeStartedAgain())) return false;
      if (
        !(await handover.begin(
          () => (isLeaving = file.isValid),
          () => volume.removal.handOver(),
        ))
      )
        return false;
      isOver = file.complete();
      if (isOver) log.info('stopped: readers wait for the next process');
      return true;
    },
  };
}
