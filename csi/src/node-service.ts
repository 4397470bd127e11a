import { status } from '@grpc/grpc-js';
import { join } from 'node:path';
import { InTurn } from './in-turn.js';
import { Refusal } from './refusal.js';
import type { PublishRequest, StatsRequest, UnpublishRequest } from './requests.js';
import { checkPublish, checkVolumeId } from './requests.js';
import type { Settings } from './settings.js';
import type { Methods } from './serve.js';
import { checkSource, usageOf } from './source.js';
import { checkTarget, isPublished, publish, unpublish } from './target.js';

/** Keeps nothing in memory: whatever is published is in the mount table, whoever published it. */
export function nodeService(settings: Settings): Methods {
  const inTurn = new InTurn();
  return {
    NodePublishVolume: async (request: PublishRequest) => {
      checkPublish(request);
      const target = checkTarget(request.target_path, settings);
      return inTurn.run(target, async () => {
        await checkSource(settings);
        if (!isPublished(target, settings)) await publish(target, settings);
        return {};
      });
    },
    NodeUnpublishVolume: async ({ volume_id: id, target_path: path }: UnpublishRequest) => {
      checkVolumeId(id);
      const target = checkTarget(path, settings);
      return inTurn.run(target, async () => {
        await unpublish(target);
        return {};
      });
    },
    NodeGetVolumeStats: async ({ volume_id: id, volume_path: path }: StatsRequest) => {
      checkVolumeId(id);
      if (path === '') throw new Refusal(status.INVALID_ARGUMENT, 'the volume path is missing');
      if (!isPublished(path, settings))
        throw new Refusal(status.NOT_FOUND, `no dumps are published at ${path}`);
      return stats(join(path, settings.mountName));
    },
    NodeGetCapabilities: () => ({
      capabilities: ['GET_VOLUME_STATS', 'VOLUME_CONDITION'].map((type) => ({ rpc: { type } })),
    }),
    NodeGetInfo: () => ({ node_id: settings.nodeId }),
  };
}

/** A daemon that does not answer is no failure of the question: the condition says it. */
async function stats(dumps: string): Promise<object> {
  try {
    const { totalBytes, freeBytes, files } = await usageOf(dumps);
    return {
      usage: [
        { unit: 'BYTES', total: totalBytes, available: freeBytes, used: totalBytes - freeBytes },
        { unit: 'INODES', total: files, available: 0, used: files },
      ],
      volume_condition: { abnormal: false, message: 'the dumps are served' },
    };
  } catch (error) {
    const { message } = error as Error;
    return {
      usage: [{ unit: 'BYTES', total: 0, available: 0, used: 0 }],
      volume_condition: { abnormal: true, message },
    };
  }
}
