import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Logger } from '../../../../src/base/log.js';
import { silentLogger } from '../../../../src/base/log.js';
import type { FuseDevice } from '../../../../src/fuse/native/fuse-device.js';
import { NodeTable } from '../../../../src/fuse/native/node-table.js';
import { PagePurge } from '../../../../src/fuse/native/page-purge.js';
import { ReadsInFlight } from '../../../../src/fuse/native/reads-in-flight.js';
import type { Failures } from '../../../../src/fuse/notification-thread.js';

/** A device that keeps the node ids it was told. */
class TestDevice {
  readonly batches: (readonly number[])[] = [];
  answer: () => Promise<Failures> = () => Promise.resolve(new Map());

  get told(): readonly number[] {
    return this.batches.flat();
  }

  notify(messages: readonly Uint8Array[]): Promise<Failures> {
    this.batches.push(messages.map((message) => Number(Buffer.from(message).readBigUInt64LE(16))));
    return this.answer();
  }
}

let device: TestDevice;
let nodes: NodeTable;
let reads: ReadsInFlight;

function purgeFor(log: Logger = silentLogger): PagePurge {
  return new PagePurge(device as unknown as FuseDevice, nodes, reads, log);
}

beforeEach(() => {
  device = new TestDevice();
  nodes = new NodeTable();
  reads = new ReadsInFlight();
  for (const [index, name] of ['a', 'b', 'c'].entries()) {
    nodes.add(name, 10 + index);
    nodes.requested(name);
  }
});

describe('PagePurge', () => {
  test('names the node of an inode', async () => {
    await purgeFor().purge(nodes.byIno(11)!);
    expect(device.told).toEqual([3]);
  });

  test('names every candidate', async () => {
    nodes.add('d', 13);
    nodes.add('e', 14);
    await purgeFor().purge(nodes.byIno(14)!);
    expect(device.told).toEqual([5, 6]);
  });

  test('is held back while the inode is read, and does not hold back others', async () => {
    const purge = purgeFor();
    const answered = reads.begin(10);
    const first = purge.purge(nodes.byIno(10)!);
    await purge.purge(nodes.byIno(11)!);
    expect(device.told).toEqual([3]);
    answered();
    await first;
    expect(device.told).toEqual([3, 2]);
  });

  test('waits for the last of several reads', async () => {
    const purge = purgeFor();
    const answered = [reads.begin(10), reads.begin(10)];
    const done = purge.purge(nodes.byIno(10)!);
    answered[0]!();
    await turn();
    expect(device.told).toEqual([]);
    answered[1]!();
    await done;
    expect(device.told).toEqual([2]);
  });

  test('sends one batch at a time, and a node that waits already only once', async () => {
    let release = (): void => undefined;
    device.answer = () => new Promise((resolve) => (release = () => resolve(new Map())));
    const purge = purgeFor();
    const all = [10, 11, 11, 12].map((ino) => purge.purge(nodes.byIno(ino)!));
    await turn();
    expect(device.batches).toEqual([[2]]);
    release();
    await turn();
    expect(device.batches).toEqual([[2], [3, 4]]);
    release();
    await Promise.all(all);
    expect(device.batches).toHaveLength(2);
  });

  test('purgeAll names some at once, then every node, but those that are read', async () => {
    const answered = reads.begin(11);
    purgeFor().purgeAll([12]);
    expect(device.batches).toEqual([[4]]);
    await turn();
    expect(device.batches).toEqual([[4], [2, 4]]);
    await turn();
    answered();
    expect(device.batches).toEqual([[4], [2, 4], [3]]);
  });

  test('names a number that several nodes may have only once', async () => {
    nodes.add('d', 13);
    nodes.add('e', 14);
    const purge = purgeFor();
    const answered = [13, 14].map((ino) => reads.begin(ino));
    const all = [13, 14].map((ino) => purge.purge(nodes.byIno(ino)!));
    for (const done of answered) done();
    await Promise.all(all);
    expect(device.batches).toEqual([[5, 6]]);
  });

  test.each([
    { name: 'its thread dies', answer: () => Promise.reject(new Error('died')), messages: 1 },
    { name: 'the kernel refuses', answer: () => Promise.resolve(new Map([[0, 'EINVAL']])), messages: 1 },
    {
      name: 'the kernel knows no such inode',
      answer: () => Promise.resolve(new Map([[0, 'ENOENT']])),
      messages: 0,
    },
  ])('goes on when $name', async ({ answer, messages }) => {
    const logged: string[] = [];
    const purge = purgeFor({ ...silentLogger, error: (message) => void logged.push(message) });
    device.answer = answer;
    await purge.purge(nodes.byIno(10)!);
    device.answer = () => Promise.resolve(new Map());
    await purge.purge(nodes.byIno(11)!);
    expect(logged).toEqual(Array(messages).fill('the kernel did not drop cached pages'));
    expect(device.told).toEqual([2, 3]);
  });
});
