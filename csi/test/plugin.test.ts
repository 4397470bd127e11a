import type { ServiceError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DUMP, TestNode, until } from './node.js';

let node: TestNode;
let expected = '';

beforeAll(async () => {
  node = new TestNode();
  await node.startDaemon();
  await node.startPlugin();
  expected = node.sumOf(join(node.host, 'dumps'));
});

afterAll(() => node[Symbol.asyncDispose]());

describe('what a driver says of itself', () => {
  test('name and version', async () => {
    expect(await node.call('Identity', 'GetPluginInfo', {})).toMatchObject({
      name: 'csi.platdumpfs',
      vendor_version: '0.1.0',
    });
  });

  test('no controller, no staging, statistics with a condition', async () => {
    expect(await node.call('Identity', 'GetPluginCapabilities', {})).toEqual({ capabilities: [] });
    const { capabilities } = await node.call('Node', 'NodeGetCapabilities', {});
    const types = (capabilities as { rpc: { type: string } }[]).map(({ rpc }) => rpc.type);
    expect(types).toEqual(['GET_VOLUME_STATS', 'VOLUME_CONDITION']);
    await expect(node.call('Node', 'NodeStageVolume', { volume_id: 'v' })).rejects.toMatchObject({
      code: status.UNIMPLEMENTED,
    });
  });

  test('its node', async () => {
    expect(await node.call('Node', 'NodeGetInfo', {})).toMatchObject({ node_id: 'node1' });
  });

  test('kubelet is told where to ask', async () => {
    const info = await node.call('Registration', 'GetInfo', {});
    expect(info).toEqual({
      type: 'CSIPlugin',
      name: 'csi.platdumpfs',
      endpoint: join(node.kubelet, 'plugins/csi.platdumpfs/csi.sock'),
      supported_versions: ['1.0.0'],
    });
    expect(existsSync(String(info['endpoint']))).toBe(true);
    await node.call('Registration', 'NotifyRegistrationStatus', { plugin_registered: true });
  });
});

describe('publishing', () => {
  test('a pod reads a dump whole, cannot remove it, and twice is as good as once', async () => {
    await node.publish('one');
    await node.publish('one');
    expect(node.podMounts()).toHaveLength(2);
    const pod = await node.startPod('one');
    expect(node.sumInPod(pod)).toBe(expected);
    expect(() => node.inPod(pod, 'rm', '-f', join(node.volume, 'dumps', DUMP))).toThrow(
      'Read-only file system',
    );
    expect(() => node.inPod(pod, 'touch', join(node.volume, 'file'))).toThrow('Read-only file system');
    await node.unpublish('one');
    await node.unpublish('one');
    expect(node.podMounts()).toEqual([]);
    expect(existsSync(node.target('one'))).toBe(false);
    expect(node.sumOf(join(node.host, 'dumps'))).toBe(expected);
  });

  test('statistics are those of the dumps', async () => {
    await node.publish('stats');
    const request = { volume_id: 'csi-stats', volume_path: node.target('stats') };
    const { usage, volume_condition: condition } = await node.call('Node', 'NodeGetVolumeStats', request);
    expect(condition).toMatchObject({ abnormal: false });
    expect(usage).toContainEqual(expect.objectContaining({ unit: 'INODES', total: 2 }));
    const [bytes] = usage as { total: number }[];
    expect(bytes?.total).toBeGreaterThanOrEqual(1024 ** 2 + 100_001);
    await node.unpublish('stats');
    await expect(node.call('Node', 'NodeGetVolumeStats', request)).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
  });

  test.each<[string, object]>([
    ['no volume id', { volume_id: '' }],
    ['no target', { target_path: '' }],
    ['a target elsewhere', { target_path: '/etc' }],
    ['no capability', { volume_capability: undefined }],
    ['a block volume', { volume_capability: { block: {}, access_mode: { mode: 'SINGLE_NODE_WRITER' } } }],
    ['no access mode', { volume_capability: { mount: {} } }],
    [
      'a file system type',
      { volume_capability: { mount: { fs_type: 'ext4' }, access_mode: { mode: 'SINGLE_NODE_WRITER' } } },
    ],
    [
      'a mount option',
      { volume_capability: { mount: { mount_flags: ['rw'] }, access_mode: { mode: 'SINGLE_NODE_WRITER' } } },
    ],
    ['a persistent volume', { volume_context: {} }],
    ['an attribute', { volume_context: { 'csi.storage.k8s.io/ephemeral': 'true', dump: '1' } }],
  ])('%s is INVALID_ARGUMENT', async (_name, change) => {
    await expect(node.publish('invalid', change)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(node.podMounts()).toEqual([]);
  });

  test.each<[string, (pods: string) => string]>([
    ['dots', (pods) => `${pods}/../../etc`],
    ['a null byte', (pods) => `${pods}/linked/a\0b`],
    ['a symbolic link above it', (pods) => `${pods}/linked/link/mount`],
    ['a symbolic link in its place', (pods) => `${pods}/linked/link`],
    ['a file in its place', (pods) => `${pods}/linked/file`],
  ])('a target with %s is INVALID_ARGUMENT, and nothing is mounted anywhere', async (_name, targetIn) => {
    const pods = join(node.kubelet, 'pods');
    const elsewhere = join(node.kubelet, 'elsewhere');
    for (const directory of [elsewhere, join(pods, 'linked')]) mkdirSync(directory, { recursive: true });
    rmSync(join(pods, 'linked/link'), { force: true });
    symlinkSync(elsewhere, join(pods, 'linked/link'));
    writeFileSync(join(pods, 'linked/file'), '');
    await expect(node.publish('linked', { target_path: targetIn(pods) })).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    expect(readdirSync(elsewhere)).toEqual([]);
    expect(node.podMounts()).toEqual([]);
    rmSync(join(pods, 'linked'), { recursive: true });
  });

  test('what the author of a pod writes is one short line of the log and of an event', async () => {
    const words = `x\nplatdumpfs-csi: kubelet has registered the driver\u001b[2J\u202e${'y'.repeat(5000)}`;
    const change = { volume_context: { 'csi.storage.k8s.io/ephemeral': 'true', [words]: '' } };
    const refusal = (await node.publish('words', change).catch((error: unknown) => error)) as ServiceError;
    expect(refusal.details).toMatch(/^there are no volume attributes, got x\\u\{a\}[^\p{C}]*$/u);
    expect(refusal.details.length).toBeLessThan(1100);
  });

  test('what is left of a pod that has gone is not made again', async () => {
    const target = join(node.kubelet, 'pods/removed/volumes/mount');
    await expect(node.publish('gone', { target_path: target })).rejects.toMatchObject({
      code: status.INTERNAL,
    });
    expect(existsSync(join(node.kubelet, 'pods/removed/volumes'))).toBe(false);
  });

  test('statistics of a path that is none are NOT_FOUND', async () => {
    for (const path of ['some/path', '/etc', node.target('unknown')])
      await expect(
        node.call('Node', 'NodeGetVolumeStats', { volume_id: 'x', volume_path: path }),
      ).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  test.each(['NodeUnpublishVolume', 'NodeGetVolumeStats'])(
    '%s without a volume or a path is INVALID_ARGUMENT',
    async (method) => {
      for (const request of [
        { target_path: node.target('x'), volume_path: node.target('x') },
        { volume_id: 'x' },
      ])
        await expect(node.call('Node', method, request)).rejects.toMatchObject({
          code: status.INVALID_ARGUMENT,
        });
    },
  );

  test('of two operations on one volume at once, one is done and the other may be ABORTED', async () => {
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => node.publish('race')));
    const codes = all.flatMap((one) =>
      one.status === 'rejected' ? [(one.reason as { code: number }).code] : [],
    );
    expect(codes.length).toBeLessThan(8);
    expect(codes.length).toBeGreaterThan(0);
    expect(new Set(codes)).toEqual(new Set([status.ABORTED]));
    expect(node.podMounts()).toHaveLength(2);
    await node.unpublish('race');
  });

  test('a stale target is repaired: half a mount, a dead mount, a directory that is there', async () => {
    const target = node.target('stale');
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, '..', 'vol_data.json'), '{}');
    await node.publish('stale');
    await node.end('daemon');
    await node.unpublish('stale');
    await node.startDaemon();
    await node.publish('stale');
    expect(node.sumOf(join(target, 'dumps'))).toBe(expected);
    await node.unpublish('stale');
    expect(existsSync(join(target, '..', 'vol_data.json'))).toBe(true);
  });

  test('200 times leave no mount, no descriptor and no directory', async () => {
    await node.publish('cycle');
    await node.unpublish('cycle');
    const before = node.pluginHolds();
    for (let round = 0; round < 200; round += 1) {
      await node.publish('cycle');
      await node.unpublish('cycle');
    }
    expect(node.podMounts()).toEqual([]);
    expect(existsSync(node.target('cycle'))).toBe(false);
    // Connections of the last calls may still be closing.
    await until(() => expect(node.pluginHolds()).toEqual(before), 10_000);
  });
});

describe('without what it needs', () => {
  test('without a daemon no pod starts, since an empty directory looks like a node without dumps', async () => {
    await node.end('daemon', 'SIGTERM');
    await expect(node.publish('none')).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await node.startDaemon();
    await node.publish('none');
    await node.unpublish('none');
  });

  test('a killed daemon is UNAVAILABLE, and an abnormal condition of what is published', async () => {
    await node.publish('dead');
    await node.end('daemon');
    await expect(node.publish('other')).rejects.toMatchObject({ code: status.UNAVAILABLE });
    const request = { volume_id: 'csi-dead', volume_path: node.target('dead') };
    const { volume_condition: condition } = await node.call('Node', 'NodeGetVolumeStats', request);
    expect(condition).toMatchObject({ abnormal: true });
    await node.startDaemon();
    expect(await node.call('Node', 'NodeGetVolumeStats', request)).toMatchObject({
      volume_condition: { abnormal: false },
    });
    await node.unpublish('dead');
  });

  test('a daemon that is stopped in the middle hangs nobody for long', async () => {
    await node.publish('held');
    node.daemon?.kill('SIGSTOP');
    try {
      await expect(node.publish('hang')).rejects.toMatchObject({ code: status.UNAVAILABLE });
      const request = { volume_id: 'csi-held', volume_path: node.target('held') };
      expect(await node.call('Node', 'NodeGetVolumeStats', request)).toMatchObject({
        volume_condition: { abnormal: true },
      });
      await node.unpublish('held');
      expect(node.podMounts()).toEqual([]);
    } finally {
      node.daemon?.kill('SIGCONT');
    }
  });

  test('dumps that a pod could remove are not published', async () => {
    await node.end('daemon', 'SIGTERM');
    await node.startDaemon('--unlink=delivered');
    await expect(node.publish('rw')).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
    await node.end('daemon', 'SIGTERM');
    await node.startDaemon();
  });

  test.each<[string, string[]]>([
    ['without HostToContainer', ['--make-rprivate', '-o', 'remount,bind,ro']],
    ['with Bidirectional', ['--make-rshared', '-o', 'remount,bind,ro']],
    ['without readOnly', ['--make-rslave']],
  ])('%s nothing is published', async (_name, flags) => {
    await node.end('plugin', 'SIGTERM');
    await node.startPlugin(flags);
    await expect(node.publish('flags')).rejects.toMatchObject({ code: status.FAILED_PRECONDITION });
    await node.end('plugin', 'SIGTERM');
    await node.startPlugin();
  });
});

test('a plugin that ends late leaves the sockets of the next one alone', async () => {
  const registration = join(node.kubelet, 'plugins_registry/csi.platdumpfs-reg.sock');
  const { ino } = statSync(registration);
  const late = node.plugin;
  await node.startPlugin();
  await until(() => expect(statSync(registration).ino).not.toBe(ino));
  const next = node.plugin;
  node.plugin = late;
  await node.end('plugin', 'SIGTERM');
  node.plugin = next;
  await node.call('Registration', 'GetInfo', {});
  await node.publish('late');
  await node.unpublish('late');
});

test('after kill -9 of plugin and daemon at random, 50 times, every pod reads again, and meanwhile rightly or not at all', async () => {
  const pods = new Map<string, number>();
  for (const name of ['a', 'b', 'c']) {
    await node.publish(name);
    pods.set(name, await node.startPod(name));
  }
  let seed = 20;
  const random = (below: number): number => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % below;
  for (let round = 0; round < 50; round += 1) {
    const victims = ([['daemon'], ['plugin'], ['daemon', 'plugin']] as const)[random(3)] ?? [];
    // A call is under way while they are killed; how it ends is not known.
    const call = (random(2) === 0 ? node.publish('late') : node.unpublish('late')).catch(() => undefined);
    for (const victim of victims) await node.end(victim);
    for (const pid of pods.values()) expect(['not connected', expected]).toContain(sumOrReason(pid));
    if (node.daemon === undefined) await node.startDaemon();
    for (const pid of pods.values()) await until(() => expect(node.sumInPod(pid)).toBe(expected), 10_000);
    if (node.plugin === undefined) await node.startPlugin();
    await call;
    await node.publish('late');
    expect(node.sumOf(join(node.target('late'), 'dumps'))).toBe(expected);
  }
  for (const name of [...pods.keys(), 'late']) await node.unpublish(name);
  expect(node.podMounts()).toEqual([]);
});

function sumOrReason(pid: number): string {
  try {
    return node.sumInPod(pid);
  } catch (error) {
    return (
      /Transport endpoint is (not connected)/.exec((error as Error).message)?.[1] ?? (error as Error).message
    );
  }
}
