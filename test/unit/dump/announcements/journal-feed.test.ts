import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLogger } from '../../../../src/base/log.js';
import { dumpTag } from '../../../../src/base/tag.js';
import { JournalFeed } from '../../../../src/dump/announcements/journal-feed.js';
import { journalHint } from '../../../../src/dump/announcements/journal-hint.js';
import type { Announcement } from '../../../../src/dump/index.js';
import { Folder, PATIENCE } from './support/folder.js';

const TAG = dumpTag(0x2_0000_000fn);
const TEXT = `After clearing space, run 'extract_platdump 0x000000020000000F'.`;

function entry(message: unknown, time: unknown = '1763800000123456'): string {
  return JSON.stringify({ __REALTIME_TIMESTAMP: time, MESSAGE: message, _UID: '0' });
}

describe('journalHint', () => {
  test('takes tag and time, as old knowledge', () => {
    expect(journalHint(entry(TEXT))).toEqual({ tag: TAG, atMs: 1763800000123, isRemembered: true });
  });

  test('reads a text that the journal gives as bytes', () => {
    expect(journalHint(entry([...Buffer.from(`\xff${TEXT}`, 'latin1')]))).toMatchObject({ tag: TAG });
  });

  test.each([undefined, null, 'soon', '', '-5', '9e99', {}])('does without a time such as %j', (time) => {
    expect(journalHint(JSON.stringify({ MESSAGE: TEXT, __REALTIME_TIMESTAMP: time }))).toEqual({
      tag: TAG,
      isRemembered: true,
    });
  });

  test.each([
    ['another message', entry('Insufficient space in /var/log/dump')],
    ['too few digits', entry('extract_platdump 0x20000000F')],
    ['too many digits', entry(`${TEXT.slice(0, -2)}0'`)],
    ['another program', entry('not_extract_platdump 0x000000020000000F')],
    ['half a line', entry(TEXT).slice(0, -3)],
    ['no object', '42'],
    ['null', 'null'],
    ['an empty line', ''],
    ['a message that is neither text nor bytes', entry({ length: 3 })],
    ['bytes that are none', entry(['a', 'b'])],
  ])('finds nothing in %s', (_, line) => {
    expect(journalHint(line)).toBeUndefined();
  });

  test('takes any line', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.jsonValue().map((value) => entry(value)),
        ),
        (line) => {
          journalHint(line);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('JournalFeed', () => {
  let folder: Folder;
  let feed: JournalFeed;
  let announced: Announcement[];
  let logged: string[];

  beforeEach(() => {
    folder = new Folder();
    announced = [];
    logged = [];
  });

  afterEach(async () => {
    await feed[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  function follow(program: string, restartMs = 20): void {
    feed = new JournalFeed({
      program,
      announce: (announcement) => announced.push(announcement),
      log: createLogger({ level: 'debug', format: 'text', write: (line) => logged.push(line) }),
      restartMs,
    });
  }

  /** A program in the place of journalctl that prints the file `journal`, then does as told. */
  function journalctl(then: string): string {
    const path = folder.write('journalctl', `#!/bin/sh\necho "$$ $@" >> ${folder.at('started')}\n${then}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  function starts(): string[] {
    if (!existsSync(folder.at('started'))) return [];
    return readFileSync(folder.at('started'), 'utf8').split('\n').slice(0, -1);
  }

  test('announces the hints between damaged lines, and those to come', async () => {
    const long = entry('x'.repeat(100_000));
    folder.write('journal', ['{"MESSAGE":', long, '\0\xff', entry(TEXT), ''].join('\n'));
    follow(journalctl(`exec tail -f -n +1 ${folder.at('journal')}`));
    await vi.waitFor(() => expect(announced).toMatchObject([{ tag: TAG }]), PATIENCE);
    folder.append('journal', `${entry(TEXT.replace('F', 'E'))}\n`);
    await vi.waitFor(() => expect(announced).toMatchObject([{ tag: TAG }, { tag: TAG - 1n }]), PATIENCE);
    expect(starts()).toHaveLength(1);
  });

  test('asks for entries of root only', async () => {
    follow(journalctl('exec sleep 60'));
    await vi.waitFor(() => expect(starts()).toHaveLength(1), PATIENCE);
    expect(starts()[0]).toMatch(/ --follow .*--identifier=rtas_errd _UID=0$/);
  });

  test('starts it again where it ends, announces nothing twice, complains once', async () => {
    folder.write('journal', `${entry(TEXT)}\n`);
    follow(journalctl(`cat ${folder.at('journal')}; exit 1`));
    await vi.waitFor(() => expect(starts().length).toBeGreaterThan(3), PATIENCE);
    expect(announced).toHaveLength(1);
    expect(logged.filter((line) => line.includes('it ended with 1'))).toHaveLength(1);
  });

  test('is silent for ever where there is no such program', async () => {
    follow(folder.at('none'));
    await vi.waitFor(() => expect(logged).toEqual([expect.stringContaining('no journalctl')]), PATIENCE);
  });

  test('leaves no process behind, however much is printed', async () => {
    follow(journalctl('exec yes'));
    await vi.waitFor(() => expect(starts()).toHaveLength(1), PATIENCE);
    await feed[Symbol.asyncDispose]();
    expect(() => process.kill(parseInt(starts()[0] ?? ''), 0)).toThrow('ESRCH');
    await sleep(0);
    expect(starts()).toHaveLength(1);
  });
});
