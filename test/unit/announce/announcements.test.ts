import { expect, test } from 'vitest';
import { createLogger } from '../../../src/base/log.js';
import type { DumpStore } from '../../../src/dump/index.js';
import { Announcements } from '../../../src/announce/index.js';

test.each([
  { lists: false, extractor: 'original', warns: true },
  { lists: false, extractor: 'ours', warns: false },
  // What it destroys is not what is served here.
  { lists: true, extractor: 'original', warns: false },
] as const)(
  'Announcements, source lists: $lists, beside extract_platdump, $extractor: warning $warns',
  async (row) => {
    const lines: string[] = [];
    const store = { source: { lists: row.lists } } as unknown as DumpStore;
    const announcements = new Announcements({
      store,
      events: 'off',
      log: createLogger({ level: 'warn', format: 'text', write: (line) => lines.push(line) }),
      rtasErrd: { isRunning: true, isThere: true, extractor: row.extractor },
    });
    await announcements[Symbol.asyncDispose]();
    expect(lines).toHaveLength(row.warns ? 1 : 0);
    if (row.warns) expect(lines[0]).toMatch(/rtas_errd runs, .*destroys each announced dump.*install\.sh/);
  },
);
