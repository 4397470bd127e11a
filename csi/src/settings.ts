import { isAbsolute, resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** What the command line says. Paths are those inside the plugin's container. */
export interface Settings {
  readonly nodeId: string;
  /** Directory of the host below which the daemon mounts; with mountPropagation HostToContainer, read-only. */
  readonly source: string;
  /** Name of the daemon's mount point in it. */
  readonly mountName: string;
  /** kubelet's directory, under the path that it has on the host, with mountPropagation Bidirectional. */
  readonly kubeletDir: string;
}

export const DRIVER = 'csi.platdumpfs';

/** @throws Error in one line */
export function settingsOf(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'node-id': { type: 'string' },
      source: { type: 'string', default: '/host' },
      'mount-name': { type: 'string', default: 'dumps' },
      'kubelet-dir': { type: 'string', default: '/var/lib/kubelet' },
    },
  });
  const nodeId = values['node-id'] ?? '';
  if (nodeId === '') throw new Error('--node-id is missing: the name of the node, as spec.nodeName has it');
  if (!/^[\w.-]*[\w-][\w.-]*$/.test(values['mount-name']))
    throw new Error(`--mount-name "${values['mount-name']}" is no name of a directory`);
  return {
    nodeId,
    source: absolute('source', values.source),
    mountName: values['mount-name'],
    kubeletDir: absolute('kubelet-dir', values['kubelet-dir']),
  };
}

/** As the mount table writes it. */
function absolute(option: string, path: string): string {
  if (!isAbsolute(path)) throw new Error(`--${option} "${path}" is not absolute`);
  return resolve(path);
}

/** Where kubelet looks for drivers, and where it is told to ask this one. */
export function socketsOf({ kubeletDir }: Settings): { readonly csi: string; readonly registration: string } {
  return {
    csi: `${kubeletDir}/plugins/${DRIVER}/csi.sock`,
    registration: `${kubeletDir}/plugins_registry/${DRIVER}-reg.sock`,
  };
}
