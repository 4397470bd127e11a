import { status } from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import type { FuzzTarget } from '../../../../test/fuzz/target.js';
import { nodeService } from '../../../src/node-service.js';
import { Refusal } from '../../../src/refusal.js';
import type { PublishRequest } from '../../../src/requests.js';
import { plain } from '../../../src/say.js';
import { serviceDefinition } from '../../../src/serve.js';

/** Nothing can be there: whatever a request asks for, no file and no mount is touched. */
const NOWHERE = '/proc/none';
const PODS = `${NOWHERE}/kubelet/pods/`;
const OUTSIDE = [status.INVALID_ARGUMENT, status.NOT_FOUND];

const definition = serviceDefinition('csi.proto', 'csi.v1.Node');
const methods = nodeService({
  nodeId: 'node1',
  source: `${NOWHERE}/host`,
  mountName: 'dumps',
  kubeletDir: `${NOWHERE}/kubelet`,
});
const NAMES = Object.keys(methods);

/** Which method is called, and its request as it comes from the socket. */
export const csiRequest: FuzzTarget = {
  name: 'csi-request',
  isText: true,
  words: [
    ...[PODS, `${PODS}a/volumes/b/mount`, '..', '/', '\0', 'v', 'ro', 'ext4', 'true'],
    'csi.storage.k8s.io/ephemeral',
    '__proto__',
    // Field numbers with lengths, as protobuf has them.
    ...['\x0a\x01', '\x12\x01', '\x22\x20', '\x2a\x02', '\x42\x04', '\x0a\x00', '\x12\x02\x08\x05'],
  ],
  async run([which = 0, ...bytes]) {
    const name = NAMES[which % NAMES.length] ?? '';
    const { requestDeserialize, responseSerialize } = definition[name]!;
    const request = unlessMalformed(() => requestDeserialize(Buffer.from(bytes)));
    if (request === undefined) return;
    try {
      responseSerialize(await methods[name]!(request as never));
      assert(
        !['NodePublishVolume', 'NodeGetVolumeStats'].includes(name),
        'where nothing is, something was done',
      );
      if (name === 'NodeUnpublishVolume') checkPlace(request);
    } catch (error) {
      checkRefusal(name, request, error);
    }
  },
};

/** The library answers what is no message of the protocol. */
function unlessMalformed(decode: () => unknown): unknown {
  try {
    return decode();
  } catch {
    return undefined;
  }
}

function checkRefusal(name: string, request: unknown, error: unknown): void {
  if (error instanceof assert.AssertionError) throw error;
  assert(error instanceof Refusal, `no refusal: ${String(error)}`);
  assert.match(plain(error.message), /^\P{C}+$/u);
  if (OUTSIDE.includes(error.code)) return;
  checkPlace(request);
  assert.deepEqual([name, error.code], ['NodePublishVolume', status.FAILED_PRECONDITION]);
  const { volume_context: context, volume_capability: capability } = request as PublishRequest;
  assert.equal(context['csi.storage.k8s.io/ephemeral'], 'true');
  assert.equal(capability?.access_type, 'mount');
}

/** It went as far as looking what is there. */
function checkPlace(request: unknown): void {
  const { target_path: path, volume_id: id } = request as PublishRequest;
  assert.notEqual(id, '');
  assert(path.startsWith(PODS) && resolve(path) === path, `${path} is no place of a pod`);
}
