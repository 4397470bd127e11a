import type { Logger } from '../base/log.js';
import { canMountDirectly } from './kernel/can-mount.js';
import { canMountByHelper, HELPER } from './kernel/fusermount.js';
import { kernelTransport } from './kernel/kernel-transport.js';
import { loadFuseNative } from './native/addon.js';
import { fuseNativeTransport } from './native/native-transport.js';
import type { Transport } from './transport.js';
import { MountError } from './transport.js';

export type TransportChoice = 'auto' | Transport['name'];

/** Whether something can be used, and otherwise what is missing. */
export type Usable = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** What the choice depends on. */
export interface Abilities {
  /** By this process itself. */
  readonly direct: () => Usable;
  /** By `fusermount3`. */
  readonly helper: () => Usable;
  readonly native: () => Usable;
}

const PRESENT: Abilities = { direct: canMountDirectly, helper: canMountByHelper, native: loadFuseNative };

export type KernelUsable =
  { readonly ok: true; readonly how: string } | { readonly ok: false; readonly why: string };

/** Whether `kernel` can mount, and how. */
export function kernelUsable({ direct, helper }: Abilities = PRESENT): KernelUsable {
  const own = direct();
  if (own.ok) return { ok: true, how: 'it may mount' };
  const helped = helper();
  if (helped.ok) return { ok: true, how: `${HELPER} mounts for it: ${own.why}` };
  return { ok: false, why: own.why === helped.why ? own.why : `${own.why}, and ${helped.why}` };
}

/**
 * The transport to mount with. `auto` is `kernel` where that may mount or fusermount3 does, else `fuse-native` where it loads.
 *
 * @param mountpoint With `/dev/fd/N`, which is mounted already, nobody has to be able to mount: only `kernel` serves it.
 * @throws MountError when no transport can be used
 */
export function selectTransport(
  choice: TransportChoice,
  log: Logger,
  mountpoint = '',
  abilities = PRESENT,
): Transport {
  const { transport, why } = select(choice, mountpoint.startsWith('/dev/fd/'), abilities);
  log.info('transport chosen', { transport: transport.name, why });
  return transport;
}

function select(
  choice: TransportChoice,
  isMounted: boolean,
  abilities: Abilities,
): { readonly transport: Transport; readonly why: string } {
  if (isMounted && choice !== 'fuse-native') return { transport: kernelTransport, why: 'mounted already' };
  const kernel: KernelUsable =
    choice === 'fuse-native' ? { ok: false, why: 'not asked for' } : kernelUsable(abilities);
  if (kernel.ok) return { transport: kernelTransport, why: choice === 'auto' ? kernel.how : 'asked for' };
  if (choice === 'kernel')
    throw new MountError(`the kernel transport cannot be used: ${kernel.why}; ${AS_ROOT}`);
  const native = abilities.native();
  if (native.ok) return { transport: fuseNativeTransport, why: choice === 'auto' ? kernel.why : 'asked for' };
  if (choice === 'fuse-native')
    throw new MountError(`the fuse-native transport cannot be used: ${native.why}`);
  throw new MountError(
    `no transport can be used: kernel: ${kernel.why}; fuse-native: ${native.why}; ${AS_ROOT}`,
  );
}

/** Root that may not mount is root of a container. */
const AS_ROOT = `${
  process.getuid?.() === 0 ? 'start the container with --cap-add SYS_ADMIN --device /dev/fuse' : 'run as root'
}, or hand over a mounted descriptor as /dev/fd/N`;
