import { status } from '@grpc/grpc-js';
import { Refusal } from './refusal.js';

/** As proto-loader makes them: what was not sent has its default, a message that was not sent is null. */
export interface PublishRequest {
  readonly volume_id: string;
  readonly target_path: string;
  readonly volume_capability: VolumeCapability | null;
  readonly volume_context: Readonly<Record<string, string>>;
}
export interface UnpublishRequest {
  readonly volume_id: string;
  readonly target_path: string;
}
export interface StatsRequest {
  readonly volume_id: string;
  readonly volume_path: string;
}

interface VolumeCapability {
  readonly access_type?: 'block' | 'mount';
  readonly mount?: { readonly fs_type: string; readonly mount_flags: readonly string[] } | null;
  readonly access_mode: { readonly mode: string } | null;
}

/** What kubelet adds of its own. */
const OF_KUBERNETES = 'csi.storage.k8s.io/';

export function checkVolumeId(id: string): void {
  if (id === '') throw invalid('the volume id is missing');
}

/** @throws Refusal INVALID_ARGUMENT where something is asked for that this driver has not */
export function checkPublish({
  volume_id: id,
  volume_capability: capability,
  volume_context: context,
}: PublishRequest): void {
  checkVolumeId(id);
  if (capability?.access_type === undefined) throw invalid('the volume capability is missing');
  if (capability.access_type === 'block') throw invalid('dumps are files: there is no block volume of them');
  if ((capability.access_mode?.mode ?? 'UNKNOWN') === 'UNKNOWN') throw invalid('the access mode is missing');
  const { fs_type: fstype = '', mount_flags: flags = [] } = capability.mount ?? {};
  if (fstype !== '') throw invalid(`there is no file system type to choose, got ${fstype}`);
  const [flag] = flags.filter((word) => word !== 'ro');
  if (flag !== undefined) throw invalid(`no mount option can be given, got ${flag}`);
  const [unknown] = Object.keys(context).filter((key) => !key.startsWith(OF_KUBERNETES));
  if (unknown !== undefined) throw invalid(`there are no volume attributes, got ${unknown}`);
  if (context[`${OF_KUBERNETES}ephemeral`] !== 'true')
    throw invalid('the volume is none of a pod: name the driver in spec.volumes[].csi of a pod');
}

function invalid(message: string): Refusal {
  return new Refusal(status.INVALID_ARGUMENT, message);
}
