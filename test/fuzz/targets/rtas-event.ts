import assert from 'node:assert/strict';
import { EventAnnouncer } from '../../../src/announce/event-announcer.js';
import { createLogger } from '../../../src/base/log.js';
import { MAX_EVENT_BYTES, declaredLength } from '../../../src/rtas/events/event-length.js';
import { dumpNotices, readErrorLogRecord } from '../../../src/rtas/index.js';
import type { FuzzTarget } from '../target.js';

const SECTION_BYTES = 8;

/** An event as the kernel hands it out, or as rtas_errd wrote it down. */
export const rtasEvent: FuzzTarget = {
  name: 'rtas-event',
  isText: false,
  words: ['IBM\0', 'PH', 'UH', 'PS', 'DH', 'MT', 'DH\0\x40', '\x06\x24\0\xe4', '\0\0\0\x01'],
  run(input) {
    const notices = dumpNotices(input);
    const { announced, ignored } = notices;
    assert(announced.length + ignored.length <= MAX_EVENT_BYTES / SECTION_BYTES);
    for (const { size, announcedAtMs } of announced) {
      assert(size === undefined || (Number.isSafeInteger(size) && size >= 0));
      assert(announcedAtMs === undefined || announcedAtMs > 0);
    }
    const declared = declaredLength(input) ?? Infinity;
    if (declared <= input.length) {
      const withLeftovers = Buffer.concat([input.subarray(0, declared), Buffer.alloc(80, 'DH\0\x40')]);
      assert.deepEqual(dumpNotices(withLeftovers), notices, 'what stands behind the end counts');
    }
    for (const littleEndian of [true, false]) {
      const record = readErrorLogRecord(input, littleEndian);
      if (record !== undefined) assert.deepEqual(record.event, input.subarray(4));
    }
    checkLog(input);
  },
};

function checkLog(input: Uint8Array): void {
  let logged = '';
  const write = (line: string): void => void (logged += line);
  const log = createLogger({ level: 'debug', format: 'text', write });
  new EventAnnouncer(() => undefined, log).take(input, false);
  assert.match(logged, /^[\n -~]*$/);
}
