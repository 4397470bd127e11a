// csi-call.mjs SOCKET publish|unpublish ID TARGET: asks the CSI driver as kubelet does for a pod.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const csi = join(import.meta.dirname, '../../csi');
const require = createRequire(join(csi, 'package.json'));
const { credentials, loadPackageDefinition } = require('@grpc/grpc-js');
const { loadSync } = require('@grpc/proto-loader');

const [socket, verb, id, target] = process.argv.slice(2);
const proto = loadPackageDefinition(loadSync(join(csi, 'proto/csi.proto'), { keepCase: true }));
const node = new proto.csi.v1.Node(`unix:${socket}`, credentials.createInsecure());
const method = verb === 'publish' ? 'NodePublishVolume' : 'NodeUnpublishVolume';
const request = {
  volume_id: id,
  target_path: target,
  readonly: true,
  volume_capability: { mount: {}, access_mode: { mode: 'SINGLE_NODE_WRITER' } },
  volume_context: { 'csi.storage.k8s.io/ephemeral': 'true' },
};
node[method](request, { deadline: Date.now() + 20_000 }, (error) => {
  if (error !== null) process.stderr.write(`${error.message}\n`);
  process.exit(error === null ? 0 : 1);
});
