import assert from 'node:assert/strict';
import { MAX_EVENT_BYTES, declaredLength } from '../../../src/rtas/events/event-length.js';
import { EventText } from '../../../src/rtas/index.js';
import type { FuzzTarget } from '../target.js';

/** The text that rtas_errd writes to /var/log/platform. */
export const platformLog: FuzzTarget = {
  name: 'platform-log',
  isText: true,
  words: [
    'RTAS: 1 -------- RTAS event begin --------\n',
    'RTAS: 1 -------- RTAS event end ----------\n',
    ...['RTAS: ', 'RTAS 0: ', 'RTAS 1: ', 'RTAS ', '\n', '\0', '062400e4 00000010', '49424d00', ' '],
  ],
  run(input) {
    const events = [...new EventText().push(input)];
    for (const event of events) {
      assert(event.length <= MAX_EVENT_BYTES);
      assert.equal(declaredLength(event), event.length);
    }
    assert.deepEqual(inChunks(input), events, 'chunks change what is found');
    const text = Buffer.from(events.map((event, at) => written(event, at)).join(''));
    assert.deepEqual([...new EventText().push(text)], events, 'an event that is written is not read again');
  },
};

function inChunks(input: Uint8Array): Uint8Array[] {
  const text = new EventText();
  const events: Uint8Array[] = [];
  let length = 1;
  for (let at = 0; at < input.length; at += length) {
    length = 1 + ((7 * length + (input[at] ?? 0)) % 97);
    events.push(...text.push(input.subarray(at, at + length)));
  }
  return events;
}

/** As rtas_errd writes it. */
function written(event: Uint8Array, number: number): string {
  const hex = Buffer.from(event).toString('hex');
  const lines = hex.match(/.{1,32}/g)?.map((line, at) => `RTAS ${at}: ${line}\n`) ?? [];
  return [
    `RTAS: ${number} -------- RTAS event begin --------\n`,
    ...lines,
    `RTAS: ${number} -------- RTAS event end ----------\n`,
  ].join('');
}
