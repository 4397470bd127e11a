import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Logger } from '../../../../src/base/log.js';
import { silentLogger } from '../../../../src/base/log.js';
import type { FuseDevice, Written } from '../../../../src/fuse/native/fuse-device.js';
import { NodeTable } from '../../../../src/fuse/native/node-table.js';
import { PagePurge } from '../../../../src/fuse/native/page-purge.js';
import { ReadsInFlight } from '../../../../src/fuse/native/reads-in-flight.js';

/** A device that keeps the node ids it was told. */
class TestDevice {
  readonly told: number[] = [];
  answer: () => Promise<Written> = () => Promise.resolve('done');

  notify(message: Uint8Array): Promise<Written> {
    this.told.push(Number(Buffer.from(message).readBigUInt64LE(16)));
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

  test('sends one notification at a time, and a node that waits already only once', async () => {
    let release = (): void => undefined;
    device.answer = () => new Promise((resolve) => (release = () => resolve('done')));
    const purge = purgeFor();
    const all = [10, 11, 11].map((ino) => purge.purge(nodes.byIno(ino)!));
    await turn();
    expect(device.told).toEqual([2]);
    release();
    await turn();
    expect(device.told).toEqual([2, 3]);
    release();
    await Promise.all(all);
    expect(device.told).toEqual([2, 3]);
  });

  test('goes on after a failure, and logs it', async () => {
    const messages: string[] = [];
    const purge = purgeFor({ ...silentLogger, error: (message) => void messages.push(message) });
    device.answer = () => Promise.reject(new Error('EIO'));
    await purge.purge(nodes.byIno(10)!);
    device.answer = () => Promise.resolve('unknown');
    await purge.purge(nodes.byIno(11)!);
    expect(messages).toEqual(['the kernel did not drop cached pages']);
    expect(device.told).toEqual([2, 3]);
  });
});
