import { expect, test } from 'vitest';
import { MAX_RECORD_BYTES, dumpNotices, readErrorLogRecord } from '../../../../src/rtas/index.js';
import { locator } from './support/build-event.js';
import { NOTIFICATION, NOTIFIED, SAMPLE_NAMES, sampleBytes } from './support/event-samples.js';

function record(sequence: number, event: Uint8Array, littleEndian: boolean, tail = 0): Uint8Array {
  const bytes = Buffer.alloc(MAX_RECORD_BYTES, tail);
  if (littleEndian) bytes.writeInt32LE(sequence, 0);
  else bytes.writeInt32BE(sequence, 0);
  bytes.set(event, 4);
  return bytes;
}

test.each([
  [true, 1],
  [true, -2],
  [false, 1],
  [false, -2],
  [false, 2 ** 31 - 1],
])('readErrorLogRecord (little endian: %s) reads sequence %d and the event', (littleEndian, sequence) => {
  const read = readErrorLogRecord(record(sequence, sampleBytes(NOTIFICATION), littleEndian), littleEndian);
  expect(read?.sequence).toBe(sequence);
  expect(dumpNotices(read!.event).announced).toEqual([NOTIFIED]);
});

test.each([0, 3, 4, 11])('readErrorLogRecord finds no event in %d bytes', (length) => {
  expect(readErrorLogRecord(new Uint8Array(length))).toBeUndefined();
});

const others = SAMPLE_NAMES.filter((name) => name !== NOTIFICATION);
test.each(others)('the left-overs of an older event behind %s announce nothing', (name) => {
  const bytes = record(1, sampleBytes(name), true);
  bytes.set(locator(), 4 + sampleBytes(name).length);
  expect(dumpNotices(readErrorLogRecord(bytes, true)!.event).announced).toEqual([]);
});
