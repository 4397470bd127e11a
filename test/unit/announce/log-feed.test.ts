import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  openSync,
  closeSync,
  renameSync,
  rmSync,
  truncateSync,
  writeSync,
  mkdirSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLogger } from '../../../src/base/log.js';
import type { Announcement } from '../../../src/base/announcement.js';
import { openLogFeed } from '../../../src/announce/announcements.js';
import { event, locator } from '../rtas/events/support/build-event.js';
import { eventText } from '../rtas/events/support/event-samples.js';
import { Folder } from './support/folder.js';
import { PATIENCE } from '../../support/patience.js';

let folder: Folder;
let feed: AsyncDisposable;
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

function follow(name = 'platform'): void {
  feed = openLogFeed({
    path: folder.at(name),
    announce: (announcement) => announced.push(announcement),
    log: createLogger({ level: 'info', format: 'text', write: (line) => logged.push(line) }),
    pollMs: 20,
  });
}

/** An event that announces dump `id`. */
function text(id: number, flags = 0x20): string {
  return eventText(event([locator({ id, flags })]), { sequence: id });
}

function ids(): number[] {
  return announced.map(({ tag }) => Number(tag & 0xffff_ffffn));
}

async function heard(...expected: number[]): Promise<void> {
  await vi.waitFor(() => expect(ids()).toEqual(expected), PATIENCE);
}

describe('openLogFeed', () => {
  test('announces what stands in the log, as old, then what comes, as new', async () => {
    folder.write('platform', text(1));
    follow();
    await heard(1);
    folder.append('platform', text(2));
    await heard(1, 2);
    expect(announced.map(({ isRemembered }) => isRemembered)).toEqual([true, false]);
    expect(announced[1]).toMatchObject({ size: 4096 });
  });

  test('waits for a log that is not there yet', async () => {
    follow();
    await new Promise((resolve) => setTimeout(resolve, 100));
    folder.write('platform', text(1));
    await heard(1);
    expect(announced).toMatchObject([{ isRemembered: false }]);
    expect(logged.join('')).not.toMatch(/warn/);
  });

  test('waits for the rest of an event', async () => {
    const whole = text(1);
    folder.write('platform', whole.slice(0, 100));
    follow();
    await new Promise((resolve) => setTimeout(resolve, 60));
    folder.append('platform', whole.slice(100, -1));
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(ids()).toEqual([]);
    folder.append('platform', '\n');
    await heard(1);
  });

  test('goes on in the new file after a rotation, having read the old one to its end', async () => {
    folder.write('platform', text(1));
    follow();
    await heard(1);
    folder.append('platform', text(2));
    renameSync(folder.at('platform'), folder.at('platform.1'));
    folder.write('platform', text(3));
    await heard(1, 2, 3);
    folder.append('platform', text(4));
    await heard(1, 2, 3, 4);
  });

  test('still hears a writer that was not told of the rotation', async () => {
    folder.write('platform', text(1));
    const writer = openSync(folder.at('platform'), 'a');
    follow();
    await heard(1);
    renameSync(folder.at('platform'), folder.at('platform.1'));
    folder.write('platform', '');
    await new Promise((resolve) => setTimeout(resolve, 100));
    writeSync(writer, text(2));
    closeSync(writer);
    await heard(1, 2);
    folder.append('platform', text(3));
    await heard(1, 2, 3);
  });

  test('goes on after the file was removed and made again', async () => {
    folder.write('platform', text(1));
    follow();
    await heard(1);
    rmSync(folder.at('platform'));
    await new Promise((resolve) => setTimeout(resolve, 60));
    folder.write('platform', text(2));
    await heard(1, 2);
  });

  test('starts over in a file that was truncated', async () => {
    folder.write('platform', text(1) + text(2));
    follow();
    await heard(1, 2);
    truncateSync(folder.at('platform'));
    await new Promise((resolve) => setTimeout(resolve, 60));
    folder.append('platform', text(3));
    await heard(1, 2, 3);
  });

  test('notices other text of the same length or more in the same file', async () => {
    folder.write('platform', text(1));
    follow();
    await heard(1);
    folder.write('platform', text(2) + text(3));
    await heard(1, 2, 3);
  });

  test('is not confused by a head that is written over', async () => {
    folder.write('platform', text(1) + text(2));
    follow();
    await heard(1, 2);
    const fd = openSync(folder.at('platform'), 'r+');
    writeSync(fd, 'ppc64-diag: Dump Location: /var/log/dump//SYSDUMP.1\n', 0);
    closeSync(fd);
    folder.append('platform', text(3));
    await heard(1, 2, 3);
  });

  test('reads a long log in the order in which it was written', async () => {
    const expected = Array.from({ length: 3000 }, (_, at) => at + 1);
    folder.write('platform', expected.map((id) => text(id)).join(''));
    follow();
    await heard(...expected);
  });

  test('logs once why a dump is not announced', async () => {
    folder.write('platform', text(7, 0x80) + text(7, 0x80) + text(1));
    follow();
    await heard(1);
    expect(logged.filter((line) => line.includes('HMC'))).toHaveLength(1);
    expect(logged.join('')).toMatch(/0x0000000200000007/);
  });

  test.each([
    ['a directory', mkdirSync],
    ['a FIFO', (path: string) => execFileSync('mkfifo', [path])],
  ])('is not held up by %s, says so once and takes the file that replaces it', async (_, make) => {
    make(folder.at('platform'));
    follow();
    await vi.waitUntil(() => logged.some((line) => line.includes('cannot follow')), PATIENCE);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(logged).toHaveLength(1);
    rmSync(folder.at('platform'), { recursive: true });
    folder.write('other', text(1));
    copyFileSync(folder.at('other'), folder.at('platform'));
    await heard(1);
  });

  test('is silent once disposed of', async () => {
    folder.write('platform', text(1));
    follow();
    await heard(1);
    await feed[Symbol.asyncDispose]();
    folder.append('platform', text(2));
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(ids()).toEqual([1]);
  });
});
