import { EventEmitter, once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DumpTag } from '../../src/base/tag.js';
import type {
  CreateDriver,
  DumpCursor,
  DumpDriver,
  DumpSource,
  SourceErrorData,
} from '../../src/source/index.js';
import { BEGINNING, MIN_READ_BYTES } from '../../src/source/index.js';

export interface ContractDump {
  readonly tag: DumpTag;
  readonly content: Uint8Array;
}

/** A source with what is true of it, made afresh for each test. */
export interface SourceUnderTest {
  readonly source: DumpSource;
  readonly createDriver: CreateDriver;
  /** Two dumps that are listed, each longer than one chunk. The first may be removed. */
  readonly dumps: readonly [ContractDump, ContractDump];
  /** A tag that firmware does not know; absent where that cannot be asked. */
  readonly unknownTag?: DumpTag;
  /** Whether firmware holds the dump; absent where the source's list says so. */
  readonly holds?: (tag: DumpTag) => boolean;
  readonly dispose?: () => void | Promise<void>;
}

/** More steps than any of these dumps needs: a cursor that never ends fails instead of hanging. */
const MAX_STEPS = 100_000;

/** What the layers above rely on. Same suite for the simulator and for real interfaces. */
export function describeSource(
  name: string,
  make: () => Promise<SourceUnderTest>,
  skip: string | false = false,
): void {
  describe.skipIf(skip !== false)(skip === false ? name : `${name} (skipped: ${skip})`, () => {
    let subject: SourceUnderTest;
    let driver: DumpDriver;
    let cursors: DumpCursor[];

    beforeEach(async () => {
      subject = await make();
      driver = subject.createDriver(subject.source.driver.data);
      cursors = [];
    });

    afterEach(async () => {
      for (const cursor of cursors) cursor.close();
      await subject.source[Symbol.asyncDispose]();
      await subject.dispose?.();
    });

    function open(tag: DumpTag, from = BEGINNING): DumpCursor {
      const cursor = driver.open(tag, from, subject.source.detail(tag));
      cursors.push(cursor);
      return cursor;
    }

    const listed = (tag: DumpTag): boolean =>
      subject.holds?.(tag) ?? subject.source.list().some((one) => one.tag === tag);

    test('list() names each dump once, with a size only as announced', () => {
      const list = subject.source.list();
      // A source that cannot list names nothing rather than a part.
      if (subject.holds !== undefined) {
        expect(list).toEqual([]);
        return;
      }
      expect(new Set(list.map(({ tag }) => tag)).size).toBe(list.length);
      for (const { tag, content } of subject.dumps) {
        const found = list.find((one) => one.tag === tag);
        expect(found?.incarnation).toBeTypeOf('string');
        if (found?.size !== undefined) expect(found.size).toBe(content.length);
        expect(found?.size === undefined).toBe(found?.sizeOrigin === undefined);
      }
    });

    test('list() is the same array until something changes', () => {
      expect(subject.source.list()).toBe(subject.source.list());
    });

    test('the driver is described by a file and by data that threads can take', () => {
      expect(subject.source.driver.module).toMatch(/^file:\/\/.*\.js$/);
      expect(() => structuredClone(subject.source.driver.data)).not.toThrow();
      expect(() => structuredClone(subject.source.detail(subject.dumps[0].tag))).not.toThrow();
    });

    test.each([MIN_READ_BYTES, MIN_READ_BYTES + 1, 65_536])(
      'read with a buffer of %i delivers the content',
      (length) => {
        const { tag, content } = subject.dumps[0];
        expect(Buffer.compare(readAll(open(tag), length), content)).toBe(0);
      },
    );

    test('read says "done" at the end, and goes on saying so', () => {
      const cursor = open(subject.dumps[0].tag);
      readAll(cursor);
      expect(cursor.read(new Uint8Array(MIN_READ_BYTES))).toMatchObject({ bytes: 0, done: true });
    });

    test('a dump can be read again from its beginning', () => {
      const { tag, content } = subject.dumps[0];
      for (const how of ['to the end', 'half-way', 'to the end'] as const) {
        const cursor = open(tag);
        if (how === 'half-way') cursor.read(new Uint8Array(MIN_READ_BYTES));
        else expect(Buffer.compare(readAll(cursor), content)).toBe(0);
        cursor.close();
      }
      expect(listed(tag)).toBe(true);
    });

    test('a pass is carried on by another driver, as one thread does where another one stopped', () => {
      const { tag, content } = subject.dumps[0];
      const detail = subject.source.detail(tag);
      const into = new Uint8Array(MIN_READ_BYTES);
      const chunks: Buffer[] = [];
      let cursor = open(tag);
      for (let steps = 0, offset = 0, isDone = false; !isDone && steps < MAX_STEPS; steps += 1) {
        const { bytes, done } = cursor.read(into);
        chunks.push(Buffer.from(into.subarray(0, bytes)));
        offset += bytes;
        isDone = done;
        if (steps % 3 > 0) continue;
        const { state } = cursor;
        cursor.leave?.();
        cursors.pop();
        const other = subject.createDriver(subject.source.driver.data);
        cursor = other.carryOn(tag, structuredClone(state), detail, offset);
        cursors.push(cursor);
      }
      expect(Buffer.compare(Buffer.concat(chunks), content)).toBe(0);
    });

    test('passes over two dumps can be interleaved', () => {
      const passes = subject.dumps.map(({ tag, content }) => ({
        cursor: open(tag),
        content,
        parts: [] as Buffer[],
      }));
      for (let open = [...passes]; open.length > 0;)
        open = open.filter(({ cursor, parts }) => {
          const buffer = Buffer.alloc(MIN_READ_BYTES);
          const { bytes, done } = cursor.read(buffer);
          parts.push(buffer.subarray(0, bytes));
          return !done;
        });
      for (const { content, parts } of passes) expect(Buffer.compare(Buffer.concat(parts), content)).toBe(0);
    });

    test('a pass resumes at every point it names, if the source can resume at all', () => {
      const { tag, content } = subject.dumps[0];
      const points = resumePoints(open(tag));
      if (!subject.source.resumable) expect(points).toEqual([]);
      else expect(points.length).toBeGreaterThan(0);
      for (const { resume, offset } of points) {
        const cursor = open(tag, resume);
        expect(Buffer.compare(readAll(cursor), content.subarray(offset))).toBe(0);
        cursor.close();
      }
    });

    test('closing twice does no harm', () => {
      const cursor = open(subject.dumps[0].tag);
      cursor.close();
      expect(() => {
        cursor.close();
      }).not.toThrow();
    });

    test('neither the end of a dump nor closing removes it', () => {
      const { tag } = subject.dumps[0];
      const cursor = open(tag);
      readAll(cursor);
      cursor.close();
      expect(listed(tag)).toBe(true);
    });

    test('invalidate before the end is refused where a finished pass is demanded', () => {
      const { tag } = subject.dumps[0];
      const cursor = open(tag);
      cursor.read(new Uint8Array(MIN_READ_BYTES));
      if (subject.source.invalidateNeedsFinishedPass)
        expect(failureOf(() => cursor.invalidate())?.kind).toBe('unfinished');
      expect(listed(tag)).toBe(true);
    });

    test('invalidate after the end removes the dump, from the list at once, and tells so', async () => {
      const { tag } = subject.dumps[0];
      const bell = new EventEmitter();
      const unsubscribe = subject.source.onChange(() => bell.emit('change'));
      const changed = subject.holds === undefined ? once(bell, 'change') : undefined;
      const cursor = open(tag);
      readAll(cursor);
      cursor.invalidate();
      expect(listed(tag)).toBe(false);
      await changed;
      unsubscribe();
      cursor.close();
      expect(readAll(open(tag))).toHaveLength(0);
      expect(listed(subject.dumps[1].tag)).toBe(true);
    });

    test('an unknown tag can be opened and is empty', (context) => {
      const tag = subject.unknownTag;
      if (tag === undefined)
        return context.skip('this source cannot be asked for a tag that firmware does not know');
      expect(listed(tag)).toBe(false);
      expect(readAll(open(tag))).toHaveLength(0);
    });
  });
}

/** Everything from the cursor's position to the end. */
export function readAll(cursor: DumpCursor, length = MIN_READ_BYTES): Buffer {
  const parts: Buffer[] = [];
  for (let steps = 0; steps < MAX_STEPS; steps += 1) {
    const buffer = Buffer.alloc(length);
    const { bytes, done } = cursor.read(buffer);
    parts.push(buffer.subarray(0, bytes));
    if (done) return Buffer.concat(parts);
  }
  throw new Error(`no end after ${MAX_STEPS} steps`);
}

/** What a failing step says about itself. */
export function failureOf(run: () => unknown): SourceErrorData | undefined {
  try {
    run();
  } catch (thrown) {
    // By shape: a driver may come from another copy of the module.
    if (thrown instanceof Error && 'data' in thrown) return thrown.data as SourceErrorData;
    throw thrown;
  }
  return undefined;
}

function resumePoints(cursor: DumpCursor): { resume: bigint; offset: number }[] {
  const points: { resume: bigint; offset: number }[] = [];
  let offset = 0;
  for (let done = false; !done;) {
    const step = cursor.read(new Uint8Array(MIN_READ_BYTES));
    offset += step.bytes;
    done = step.done;
    if (step.resume !== undefined) points.push({ resume: step.resume, offset });
  }
  cursor.close();
  return points;
}
