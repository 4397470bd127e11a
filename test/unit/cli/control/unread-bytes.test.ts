import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unreadBytes } from '../../../../src/cli/control/paced-answer.js';

test('unreadBytes is 0 exactly when everything was read, and undefined when closed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'platdumpfs-unread-'));
  const path = join(directory, 'socket');
  const server = createServer().listen(path);
  try {
    await once(server, 'listening');
    const accepted = once(server, 'connection');
    // Paused before it is connected: Node.js reads nothing ahead.
    const reader = createConnection(path).pause();
    const [writer] = (await accepted) as [Socket];
    expect(unreadBytes(writer)).toBe(0);
    await new Promise((resolve) => writer.write('text', resolve));
    expect(unreadBytes(writer)).toBeGreaterThanOrEqual(4);
    reader.resume();
    await expect.poll(() => unreadBytes(writer)).toBe(0);
    reader.destroy();
    writer.destroy();
    expect(unreadBytes(writer)).toBeUndefined();
  } finally {
    server.close();
    rmSync(directory, { recursive: true });
  }
});
