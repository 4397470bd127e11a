import { describe, expect, test } from 'vitest';
import { dumpTag } from '../../../../src/base/tag.js';
import type { LibrtasPort, PlatformDumpAnswer } from '../../../../src/rtas/index.js';
import { BEGINNING } from '../../../../src/source/index.js';
import { librtasDriver } from '../../../../src/source/librtas/librtas-cursor.js';
import type { DumpCursor } from '../../../../src/source/index.js';
import { failureOf } from '../../../contract/source.js';

const TAG = dumpTag(0x2_0000_0001n);

type Scripted = readonly [status: number, next: bigint, bytes: number];

/** A library whose calls give one answer after the other and remember what they were asked. */
class ScriptedLibrary implements LibrtasPort {
  readonly calls: (readonly [sequence: bigint, length: number | null])[] = [];
  readonly #script: Scripted[];

  constructor(...script: Scripted[]) {
    this.#script = script;
  }

  platformDump(tag: bigint, sequence: bigint, buffer: Uint8Array | null): PlatformDumpAnswer {
    expect(tag).toBe(TAG);
    this.calls.push([sequence, buffer?.length ?? null]);
    const [status, nextSequence, bytesReturned] = this.#script.shift() ?? [-1, 0n, 0];
    return { status, nextSequence, bytesReturned };
  }
}

function cursorOver(from: bigint, ...script: Scripted[]): { library: ScriptedLibrary; cursor: DumpCursor } {
  const library = new ScriptedLibrary(...script);
  return { library, cursor: librtasDriver(library).open(TAG, from, undefined) };
}

const read = (cursor: DumpCursor) => cursor.read(new Uint8Array(65_536));

describe('LibrtasCursor.read', () => {
  test('passes each sequence on and offers it for resuming', () => {
    const { library, cursor } = cursorOver(BEGINNING, [1, 77n, 4096], [1, 78n, 0], [0, 9n, 10]);
    expect(library.calls).toEqual([]);
    expect(read(cursor)).toEqual({ bytes: 4096, done: false, resume: 77n });
    expect(read(cursor)).toEqual({ bytes: 0, done: false, resume: 78n });
    expect(read(cursor)).toEqual({ bytes: 10, done: true });
    expect(read(cursor)).toEqual({ bytes: 0, done: true });
    expect(library.calls).toEqual([
      [0n, 4096],
      [77n, 4096],
      [78n, 4096],
    ]);
  });

  test('begins at a given point', () => {
    const { library, cursor } = cursorOver(77n, [0, 0n, 3]);
    read(cursor);
    expect(library.calls).toEqual([[77n, 4096]]);
  });

  test('reports an empty dump as done with no bytes', () => {
    expect(read(cursorOver(BEGINNING, [0, 0n, 0]).cursor)).toEqual({ bytes: 0, done: true });
  });

  test('stays where it is when a call fails', () => {
    const { library, cursor } = cursorOver(BEGINNING, [1, 77n, 4096], [-1, 5n, 99], [1, 78n, 4096]);
    read(cursor);
    expect(failureOf(() => read(cursor))).toMatchObject({ kind: 'firmware', status: -1, sequence: '0x4d' });
    expect(read(cursor)).toMatchObject({ bytes: 4096, resume: 78n });
    expect(library.calls.map(([sequence]) => sequence)).toEqual([0n, 77n, 77n]);
  });

  test.each<{ answer: Scripted; kind: string; message: string | RegExp }>([
    { answer: [-1, 0n, 0], kind: 'firmware', message: 'cannot read dump 0x0000000200000001: hardware error' },
    { answer: [-9002, 0n, 0], kind: 'not-authorized', message: /not authorized/ },
    { answer: [42, 0n, 0], kind: 'firmware', message: /unknown RTAS status 42/ },
    { answer: [-3, 0n, 0], kind: 'held', message: /another program/ },
    { answer: [-2, 0n, 0], kind: 'firmware', message: /still busy/ },
    { answer: [-1001, 0n, 0], kind: 'interface', message: /no interface to firmware/ },
    { answer: [-1003, 0n, 0], kind: 'interface', message: /only root/ },
    { answer: [-1098, 0n, 0], kind: 'interface', message: /kernel lockdown forbids \/dev\/mem/ },
    { answer: [-1099, 0n, 0], kind: 'interface', message: /no ibm,platform-dump/ },
    { answer: [-1042, 0n, 0], kind: 'interface', message: /code -1042/ },
    { answer: [1, 5n, 4097], kind: 'firmware', message: /claims 4097 bytes in a buffer of 4096/ },
    { answer: [0, 0n, 1e9], kind: 'firmware', message: /claims/ },
    // Going on with sequence 0 would deliver the dump's first bytes again.
    { answer: [1, 0n, 4096], kind: 'firmware', message: /names no next sequence/ },
  ])('$answer.0 with $answer.2 bytes is $kind', ({ answer, kind, message }) => {
    const data = failureOf(() => read(cursorOver(BEGINNING, answer).cursor));
    expect(data?.kind).toBe(kind);
    expect(data?.message).toMatch(message);
  });

  test('a parameter error in the middle does not mean another program', () => {
    expect(failureOf(() => read(cursorOver(5n, [-3, 0n, 0]).cursor))?.kind).toBe('firmware');
  });
});

describe('LibrtasCursor.invalidate', () => {
  test('says of a refused call that it is the kernel, not a buffer', () => {
    const { cursor } = cursorOver(BEGINNING, [-1098, 0n, 0]);
    const failure = failureOf(() => cursor.invalidate());
    expect(failure?.message).toMatch(/the kernel refuses the call/);
    expect(failure?.message).not.toMatch(/lockdown/);
  });

  test('makes the call without a buffer', () => {
    const { library, cursor } = cursorOver(BEGINNING, [1, 77n, 4096], [0, 0n, 0]);
    read(cursor);
    cursor.invalidate();
    expect(library.calls.at(-1)).toEqual([77n, null]);
  });

  test.each<{ answer: Scripted; kind: string }>([
    { answer: [-1, 0n, 0], kind: 'firmware' },
    { answer: [-9002, 0n, 0], kind: 'not-authorized' },
    { answer: [1, 5n, 0], kind: 'firmware' },
    { answer: [-1003, 0n, 0], kind: 'interface' },
  ])('fails as $kind when the answer is $answer.0', ({ answer, kind }) => {
    const { cursor } = cursorOver(BEGINNING, answer);
    expect(failureOf(() => cursor.invalidate())?.kind).toBe(kind);
  });
});
