import { spawn } from 'node:child_process';
import { closeSync, readFileSync } from 'node:fs';
import { findProgram } from '../../base/find-program.js';
import { loadKoffi } from '../../base/koffi.js';
import { isFuseDevice } from '../fuse-descriptor.js';
import { DescriptorChannel } from '../descriptor-channel.js';
import { OWN_FSTYPE } from '../mount-table.js';
import type { MountOptions } from '../transport.js';
import { MountError } from '../transport.js';
import type { CanMount } from './can-mount.js';
import { whyNoDevice } from './device.js';

/** Set-user-id root: mounts for users what they may mount, where they may. */
export const HELPER = 'fusermount3';

/** The number under which the helper inherits its end of the socket, and where it is told so. */
const INHERITED_FD = 3;
const INHERITED_FD_VARIABLE = '_FUSE_COMMFD';

/** The helper looks at the mount point, which may be on a file system that hangs. */
const LIMIT_MS = 30_000;

/** Whether `fusermount3` can be made to mount for this process. */
export function canMountByHelper(status = readFileSync('/proc/self/status', 'utf8')): CanMount {
  const why = whyNoDevice() ?? whyNoHelper() ?? whyNoPrivilege(status) ?? whyNoKoffi();
  return why === undefined ? { ok: true } : { ok: false, why };
}

function whyNoHelper(): string | undefined {
  return findProgram(HELPER) === undefined ? `${HELPER} is not in PATH: install fuse3` : undefined;
}

function whyNoPrivilege(status: string): string | undefined {
  return /^NoNewPrivs:\s*1$/m.test(status) ? `no_new_privs keeps ${HELPER} from becoming root` : undefined;
}

function whyNoKoffi(): string | undefined {
  try {
    loadKoffi();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * What the helper is told. It adds the descriptor and whose mount it is; nosuid and nodev are its defaults.
 *
 * @throws MountError for options in which it would find another one
 */
export function helperOptionList({ fsname, allowOther, readOnly, kernelOptions }: MountOptions): string {
  const [, subtype = ''] = OWN_FSTYPE.split('.');
  const unclear = kernelOptions.find((option) => /[,\\]/.test(option));
  if (unclear !== undefined)
    throw new MountError(`${HELPER} cannot be told the option ${unclear}: leave it out`);
  return [
    `fsname=${fsname.replace(/[\\,]/g, '\\$&')}`,
    `subtype=${subtype}`,
    'default_permissions',
    ...(allowOther ? ['allow_other'] : []),
    ...(readOnly ? ['ro'] : []),
    ...kernelOptions,
  ].join(',');
}

/**
 * Has the helper open a FUSE device and mount it.
 *
 * @returns the device
 * @throws MountError with what the helper says
 */
export async function mountByHelper(mountpoint: string, options: MountOptions): Promise<number> {
  const args = ['-o', helperOptionList(options), '--', mountpoint];
  using channel = new DescriptorChannel();
  const { status, complaint } = await runHelper(args, channel.theirs);
  if (status !== 0) throw new MountError(`cannot mount at ${mountpoint}: ${complaint}`);
  const fd = channel.receive();
  if (fd !== undefined && isFuseDevice(fd)) return fd;
  if (fd !== undefined) closeSync(fd);
  throw new MountError(`cannot mount at ${mountpoint}: ${HELPER} handed over no FUSE device`);
}

interface Outcome {
  readonly status: number | null;
  readonly complaint: string;
}

function runHelper(args: readonly string[], socket: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(HELPER, args, {
      stdio: ['ignore', 'ignore', 'pipe', socket],
      env: { ...process.env, LC_ALL: 'C', [INHERITED_FD_VARIABLE]: String(INHERITED_FD) },
      timeout: LIMIT_MS,
    });
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.on('error', (error) =>
      reject(new MountError(`cannot run ${HELPER}: ${error.message}`, { cause: error })),
    );
    child.on('close', (status) => {
      const complaint = said.trim().replaceAll('\n', '; ') || `${HELPER} failed without a word`;
      resolve({ status, complaint });
    });
  });
}
