import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FuseDevice } from '../../../../src/fuse/native/fuse-device.js';
import { notifyInvalidateInode } from '../../../../src/fuse/notification.js';

const MESSAGE = notifyInvalidateInode(2, 'pages');

test('FuseDevice writes nothing to a file that has got the descriptor number meanwhile', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'platdumpfs-device-'));
  const path = join(directory, 'innocent');
  const fd = openSync(path, 'w');
  try {
    const device = new FuseDevice(fd);
    expect(device.isOpen).toBe(false);
    expect(await device.notify([MESSAGE])).toEqual(new Map([[0, 'EBADF']]));
    device.release();
    expect(readFileSync(path)).toHaveLength(0);
  } finally {
    closeSync(fd);
    rmSync(directory, { recursive: true });
  }
});

test('FuseDevice is closed when its descriptor is', async () => {
  const fd = openSync('/dev/null', 'r');
  closeSync(fd);
  const device = new FuseDevice(fd);
  expect(device.isOpen).toBe(false);
  expect(await device.notify([MESSAGE, MESSAGE])).toEqual(new Map([0, 1].map((at) => [at, 'EBADF'])));
  device.release();
});
