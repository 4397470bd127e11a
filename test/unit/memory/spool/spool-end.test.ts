import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BLOCK_BYTES } from '../../../../src/memory/arena.js';
import { BlockCache, BlockOwner } from '../../../../src/memory/block-cache.js';
import { Spool } from '../../../../src/memory/spool/spool.js';
import { createLogger } from '../../../../src/base/log.js';

test('Spool.end ends the thread behind everything that was asked of it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'platdumpfs-spool-end-'));
  const lines: string[] = [];
  const log = createLogger({ level: 'warn', format: 'text', write: (line) => void lines.push(line) });
  const cache = new BlockCache(BLOCK_BYTES);
  const { slabs } = cache.arena;
  const spool = new Spool({ directory, quotaBytes: 2 ** 30, slabs, mostBacklog: 1, log });
  try {
    const file = spool.create();
    const block = cache.allocate(new BlockOwner(), 0);
    block.filled = BLOCK_BYTES;
    // The thread loads what it encrypts with now.
    const stored = file?.store(block);
    await spool.end();
    await stored;
    expect(file?.has(0)).toBe(true);
    expect(lines).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
