import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventText, dumpNotices } from '../../../../src/rtas/index.js';
import type { Announcement } from '../../../../src/base/announcement.js';
import { event, locator, privateHeader, section } from './support/build-event.js';
import { NOTIFICATION, SAMPLE_NAMES, eventText, sampleBytes } from './support/event-samples.js';

/** Set PLATDUMPFS_FUZZ_RUNS for more: a million take some minutes. */
const RUNS = Number(process.env['PLATDUMPFS_FUZZ_RUNS'] ?? 4000);
const TIMEOUT_MS = Math.max(30_000, RUNS * 5);

/** What bytes say about a dump are these; whoever changes them changes what is announced. */
interface Subject {
  readonly bytes: Uint8Array;
  readonly notices: readonly Announcement[];
  /** [start, end) of private header dates and locators up to their sizes. */
  readonly telling: readonly (readonly [number, number])[];
}

const EVENTS: readonly Uint8Array[] = [
  ...SAMPLE_NAMES.map(sampleBytes),
  event([privateHeader(), section({ id: 'UD' }), locator(), section({ id: 'LP' }), locator({ id: 7 })]),
  event([locator({ subtype: 0xff, id: 0xffff_ffff, flags: 0 })]),
];

const SUBJECTS: readonly Subject[] = EVENTS.map((bytes) => ({
  bytes,
  notices: dumpNotices(bytes).announced,
  telling: [[32, 40] as const, ...locators(bytes)],
}));

function locators(bytes: Uint8Array): (readonly [number, number])[] {
  const text = Buffer.from(bytes).toString('latin1');
  return [...text.matchAll(/DH\0@/g)].map(({ index }) => [index, index + 24] as const);
}

function namedLocators(bytes: Uint8Array): readonly number[] {
  return [...Buffer.from(bytes).toString('latin1').matchAll(/DH/g)].map(({ index }) => index);
}

/** Of the dump itself only: a damaged date may be lost, but not become another one. */
function isTruth(found: Announcement, truth: readonly Announcement[]): boolean {
  return truth.some(
    ({ tag, size, announcedAtMs }) =>
      found.tag === tag &&
      found.size === size &&
      (found.announcedAtMs === undefined || found.announcedAtMs === announcedAtMs),
  );
}

const subject = fc.constantFrom(...SUBJECTS);
const anyBytes = fc.uint8Array({ maxLength: 2100 });

function check<T>(property: fc.IRawProperty<T, false>): void {
  fc.assert(property, { numRuns: RUNS });
}

function expectTruth(found: readonly Announcement[], truth: readonly Announcement[]): void {
  expect(found.filter((notice) => !isTruth(notice, truth))).toEqual([]);
}

describe('dumpNotices', () => {
  test('takes any bytes', { timeout: TIMEOUT_MS }, () => {
    check(
      fc.property(anyBytes, subject, (noise, { bytes }) => {
        dumpNotices(noise);
        // With a header that lets them in.
        const mixed = Uint8Array.from(noise);
        mixed.set(bytes.subarray(0, Math.min(24, mixed.length)));
        expect(() => dumpNotices(mixed)).not.toThrow();
      }),
    );
  });

  test('reads none but the bytes that it was given', { timeout: TIMEOUT_MS }, () => {
    check(
      fc.property(subject, fc.nat(1100), fc.nat(64), ({ bytes, notices }, length, before) => {
        const end = Math.min(length, bytes.length);
        // The same bytes inside a larger buffer, with locators all around that must not be seen.
        const around = Buffer.concat([
          locator({ id: 99 }),
          new Uint8Array(before),
          bytes,
          locator({ id: 98 }),
        ]);
        const start = 64 + before;
        const cut = dumpNotices(around.subarray(start, start + end)).announced;
        expect(cut).toEqual(dumpNotices(bytes.slice(0, end)).announced);
        expectTruth(cut, notices);
      }),
    );
  });

  test('of damage beside what it says: the truth, or nothing', { timeout: TIMEOUT_MS }, () => {
    const flips = fc.array(fc.tuple(fc.nat(1040), fc.integer({ min: 1, max: 255 })), { maxLength: 12 });
    check(
      fc.property(subject, flips, ({ bytes, notices, telling }, changes) => {
        const damaged = Uint8Array.from(bytes);
        for (const [at, mask] of changes) {
          const position = at % damaged.length;
          if (!telling.some(([start, end]) => position >= start && position < end))
            damaged[position]! ^= mask;
        }
        // Whatever is called a locator is one.
        fc.pre(namedLocators(damaged).every((at) => namedLocators(bytes).includes(at)));
        expectTruth(dumpNotices(damaged).announced, notices);
      }),
    );
  });

  test('of whole sections in any order: all that are there', { timeout: TIMEOUT_MS }, () => {
    const kinds = fc.constantFrom('PS', 'UD', 'DH', 'EP', 'ZZ');
    const parts = fc.array(fc.tuple(kinds, fc.nat(80)), { maxLength: 12 });
    check(
      fc.property(parts, (chosen) => {
        const bytes = event(
          chosen.map(([id, n]) =>
            id === 'DH' ? locator({ id: n }) : section({ id, body: new Uint8Array(n).fill(n) }),
          ),
        );
        const expected = chosen.filter(([id]) => id === 'DH').map(([, n]) => 0x2_0000_0000n + BigInt(n));
        expect(dumpNotices(bytes).announced.map(({ tag }) => tag)).toEqual(expected);
      }),
    );
  });
});

describe('EventText', () => {
  const TRUTH = SUBJECTS.flatMap(({ notices }) => notices);
  const text = fc.integer({ min: 0, max: SUBJECTS.length - 1 }).map((at) =>
    // Each event has its own number: lines that have none can be told apart by nothing else.
    eventText(SUBJECTS[at]!.bytes, { sequence: at + 1 }),
  );
  const texts = fc.array(text, { minLength: 1, maxLength: 4 }).map((all) => all.join(''));

  function noticesIn(bytes: Uint8Array, chunk: number): Announcement[] {
    const parser = new EventText();
    const found: Announcement[] = [];
    for (let at = 0; at < bytes.length; at += chunk)
      for (const bytesOf of parser.push(bytes.subarray(at, at + chunk)))
        found.push(...dumpNotices(bytesOf).announced);
    return found;
  }

  test('takes any bytes in any chunks, with the same result', { timeout: TIMEOUT_MS }, () => {
    const damage = fc.array(fc.tuple(fc.nat(20_000), fc.uint8Array({ maxLength: 40 })), { maxLength: 6 });
    check(
      fc.property(texts, damage, fc.integer({ min: 1, max: 300 }), (clean, changes, chunk) => {
        const bytes = Buffer.from(clean);
        for (const [at, noise] of changes)
          bytes.set(noise.subarray(0, bytes.length - (at % bytes.length)), at % bytes.length);
        expect(noticesIn(bytes, chunk)).toEqual(noticesIn(bytes, bytes.length));
      }),
    );
  });

  test('of text with parts cut out: the truth, or nothing', { timeout: TIMEOUT_MS }, () => {
    const cuts = fc.array(fc.tuple(fc.nat(10_000), fc.nat(600)), { minLength: 1, maxLength: 4 });
    check(
      fc.property(texts, cuts, (clean, gone) => {
        let bytes = Buffer.from(clean);
        for (const [at, length] of gone) {
          const start = at % (bytes.length + 1);
          bytes = Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + length)]);
        }
        expectTruth(noticesIn(bytes, 4096), TRUTH);
      }),
    );
  });

  test('of events whose lines run together: the truth, or nothing', { timeout: TIMEOUT_MS }, () => {
    const switches = fc.array(fc.nat(12), { minLength: 1, maxLength: 20 });
    check(
      fc.property(text, text, switches, (one, two, runs) => {
        const queues = [one.split(/(?<=\n)/), two.split(/(?<=\n)/)];
        const mixed = runs.flatMap((run, turn) => queues[turn % 2]!.splice(0, run)).join('');
        const rest = queues.flat().join('');
        expectTruth(noticesIn(Buffer.from(mixed + rest), 4096), TRUTH);
      }),
    );
  });

  test('finds an intact event between noise', { timeout: TIMEOUT_MS }, () => {
    const noise = fc.string({ maxLength: 200 }).map((line) => `${line}\n`);
    const wanted = eventText(sampleBytes(NOTIFICATION), { sequence: 1000 });
    const [truth] = dumpNotices(sampleBytes(NOTIFICATION)).announced;
    check(
      fc.property(texts, noise, fc.nat(10_000), (before, junk, cut) => {
        const found = noticesIn(Buffer.from(`${before.slice(0, cut)}\n${junk}${wanted}`), 4096);
        expect(found.at(-1)).toEqual(truth);
      }),
    );
  });
});
