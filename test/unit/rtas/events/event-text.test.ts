import { describe, expect, test } from 'vitest';
import { EventText, dumpNotices } from '../../../../src/rtas/index.js';
import { TAG, event, locator } from './support/build-event.js';
import { NOTIFICATION, NOTIFIED, eventText, sampleBytes, sampleText } from './support/event-samples.js';

const EVENT = sampleBytes(NOTIFICATION);
const OTHER = event([locator()]);
const DIAG = 'ppc64-diag: Dump Location: /var/log/dump//FSPDUMP.10BA27F.01000002\n';

function eventsIn(...chunks: (string | Uint8Array)[]): Uint8Array[] {
  const text = new EventText();
  return chunks.flatMap((chunk) => [...text.push(Buffer.from(chunk))]);
}

function tagsIn(...chunks: (string | Uint8Array)[]): bigint[] {
  return eventsIn(...chunks).flatMap((bytes) => dumpNotices(bytes).announced.map(({ tag }) => tag));
}

/** The text of an event, as an array of lines to be disturbed. */
function lines(bytes = EVENT): string[] {
  return eventText(bytes).match(/[^\n]*\n/g) ?? [];
}

describe('EventText reads', () => {
  test('the sample', () => {
    const [bytes] = eventsIn(sampleText(NOTIFICATION));
    expect(bytes).toHaveLength(288);
    expect(dumpNotices(bytes!).announced).toEqual([NOTIFIED]);
  });

  test.each([
    ['CRLF', { newline: '\r\n' }],
    ['trailing blanks', { newline: '     \n' }],
    ['no blanks between groups', { separator: '' }],
    ['several blanks', { separator: '  \t' }],
    ['a large sequence number', { sequence: 4_294_967_295 }],
  ])('%s', (_, options) => {
    expect(eventsIn(eventText(EVENT, options))).toEqual([EVENT]);
  });

  test('upper case digits', () => {
    const upper = eventText(EVENT).replace(/: [0-9a-f ]+$/gm, (digits) => digits.toUpperCase());
    expect(eventsIn(upper)).toEqual([EVENT]);
  });

  test('line numbers of three digits', () => {
    const long = event([new Uint8Array(2048 - 24)]);
    expect(eventsIn(eventText(long))).toEqual([long]);
  });

  test('an event of more than 2048 bytes is none', () => {
    expect(eventsIn(eventText(new Uint8Array(2049)))).toEqual([]);
  });

  test('several events with the same sequence number', () => {
    expect(eventsIn(eventText(EVENT) + eventText(OTHER) + eventText(EVENT))).toEqual([EVENT, OTHER, EVENT]);
  });

  test.each([1, 2, 3, 7, 60, 61, 4096])('the same in chunks of %d bytes', (size) => {
    const whole = Buffer.from(DIAG + eventText(EVENT) + DIAG + eventText(OTHER, { newline: '\r\n' }));
    const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, at) =>
      whole.subarray(at * size, (at + 1) * size),
    );
    expect(eventsIn(...chunks)).toEqual([EVENT, OTHER]);
  });

  test('a last line without line feed only when it has one', () => {
    const text = eventText(EVENT);
    expect(eventsIn(text.slice(0, -1))).toEqual([]);
    expect(eventsIn(text.slice(0, -1), '\n')).toEqual([EVENT]);
  });
});

describe('EventText passes over', () => {
  test.each([
    ['ppc64-diag lines', DIAG],
    ['the scanlog line', 'RTAS: /var/log/scanlog.1\n'],
    ['empty lines', '\n\r\n'],
    ['NUL bytes', '\0'.repeat(5000)],
    ['a line of 100,000 characters', `${'x'.repeat(100_000)}\n`],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x80, 0x0a]).toString('latin1')],
  ])('%s before, inside and behind an event', (_, noise) => {
    const [first, ...rest] = lines();
    expect(eventsIn([noise, first, noise, ...rest, noise, ...lines(OTHER)].join(''))).toEqual([EVENT, OTHER]);
  });

  test('a hole of NUL bytes in front of a begin line', () => {
    expect(eventsIn(new Uint8Array(1_000_000), eventText(EVENT))).toEqual([EVENT]);
  });

  test('data without a begin line', () => {
    expect(eventsIn(lines().slice(1).join(''), eventText(OTHER))).toEqual([OTHER]);
  });

  test('the rest of an event whose begin was overwritten', () => {
    const text = Buffer.from(eventText(EVENT));
    text.write(DIAG);
    expect(eventsIn(text, eventText(OTHER))).toEqual([OTHER]);
  });
});

describe('EventText gives up an event', () => {
  const spoil: readonly (readonly [string, (all: string[]) => string[]])[] = [
    ['a line is missing', (all) => all.toSpliced(5, 1)],
    ['a line comes twice', (all) => all.toSpliced(5, 0, all[5]!)],
    ['two lines are swapped', (all) => all.toSpliced(5, 2, all[6]!, all[5]!)],
    ['a line lost a digit', (all) => all.with(5, all[5]!.replace(/.\n/, '\n'))],
    ['a line lost a byte', (all) => all.with(5, all[5]!.replace(/..\n/, '\n'))],
    ['a line is too long', (all) => all.with(5, all[5]!.replace('\n', '00\n'))],
    ['a digit is none', (all) => all.with(5, all[5]!.replace(/.\n/, 'g\n'))],
    ['the numbers do not start at 0', (all) => all.toSpliced(1, 1)],
    ['its end has another number', (all) => all.with(-1, all.at(-1)!.replace(': 1', ': 2'))],
  ];
  test.each(spoil)('when %s, and reads the next one', (_, change) => {
    expect(eventsIn(change(lines()).join(''), eventText(OTHER))).toEqual([OTHER]);
  });

  test('when another begins inside it', () => {
    const half = lines().slice(0, 9).join('');
    expect(eventsIn(half, eventText(OTHER), lines().slice(9).join(''))).toEqual([OTHER]);
  });

  test('after a reset', () => {
    const text = new EventText();
    expect([...text.push(Buffer.from(lines().slice(0, 9).join('')))]).toEqual([]);
    text.reset();
    expect([...text.push(Buffer.from(lines().slice(9).join('') + eventText(OTHER)))]).toEqual([OTHER]);
  });
});

describe('EventText without an end line', () => {
  test('takes an event of the length that it declares when the next one begins', () => {
    const text = eventText(EVENT, { endLine: false });
    expect(eventsIn(text)).toEqual([]);
    expect(eventsIn(text, eventText(OTHER))).toEqual([EVENT, OTHER]);
  });

  test('takes no event that is shorter than it declares', () => {
    const cut = lines().slice(0, -2).join('');
    expect(eventsIn(cut, eventText(OTHER))).toEqual([OTHER]);
  });
});

test.each([240, 272])('an event that was cut to %d bytes and closed announces nothing', (length) => {
  expect(tagsIn(eventText(EVENT.subarray(0, length)))).toEqual([]);
  expect(tagsIn(eventText(EVENT) + eventText(OTHER))).toEqual([NOTIFIED.tag, TAG]);
});

test('a line glued together from two makes no other size', () => {
  const text = eventText(EVENT);
  expect(tagsIn(text.slice(0, 672) + text.slice(672 + 141), eventText(OTHER))).toEqual([TAG]);
});
