import { appendFile, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dumpTag, tagName } from '../../src/base/tag.js';
import { CELLS, Mounted, until } from '../support/mounted.js';
import { event, locator } from '../unit/rtas/events/support/build-event.js';
import { eventText } from '../unit/rtas/events/support/event-samples.js';

const TAG = dumpTag(0x2_0000_0001n);
const NAME = tagName(TAG);
const SIZE = 100_000;
const SOON_MS = 2000;

function announcement(id: number, size = SIZE): string {
  return eventText(event([locator({ id, size: BigInt(size) })]), { sequence: id });
}

/** A dump that nothing but an event, or asking for it, makes known. */
async function putUnannounced(mounted: Mounted, name = NAME): Promise<void> {
  await writeFile(join(mounted.simDir, `${name}.json`), JSON.stringify({ announced: false }));
  await writeFile(join(mounted.simDir, name), Buffer.alloc(SIZE, 7));
}

async function namesWithin(mounted: Mounted, wanted: readonly string[], limitMs: number): Promise<number> {
  const start = performance.now();
  await until(`${wanted.join(', ') || 'nothing'} listed`, async () => {
    const names = await readdir(mounted.mountpoint);
    return JSON.stringify(names.sort()) === JSON.stringify(wanted);
  });
  const tookMs = performance.now() - start;
  expect(tookMs).toBeLessThan(limitMs);
  return tookMs;
}

describe.each(CELLS.filter(({ discipline }) => discipline === 'papr'))('over $transport', (cell) => {
  test('a dump is in the listing within 2 s after its event is in the log', async () => {
    await using mounted = new Mounted(cell);
    const log = join(mounted.directory, 'platform');
    await putUnannounced(mounted);
    await mounted.start(`--sim-dir=${mounted.simDir}`, '--events=log', `--platform-log=${log}`);
    expect(mounted.daemon.logged('announcements of dumps')).toMatchObject({ from: log, why: 'as told' });
    expect(await readdir(mounted.mountpoint)).toEqual([]);

    await appendFile(log, announcement(1));
    await namesWithin(mounted, [NAME], SOON_MS);
    expect((await stat(mounted.at(NAME))).size).toBe(SIZE);

    // One that firmware does not have is found out.
    await appendFile(log, announcement(2));
    await until('the false one announced', () =>
      mounted.daemon.log.some(({ tag }) => tag === tagName(dumpTag(TAG + 1n))),
    );
    await namesWithin(mounted, [NAME], SOON_MS);
  });

  test('what is known survives kill -9, and what was invalidated meanwhile is not offered', async () => {
    await using mounted = new Mounted(cell);
    const log = join(mounted.directory, 'platform');
    const state = join(mounted.directory, 'tags');
    const options = [`--sim-dir=${mounted.simDir}`, `--state-file=${state}`];
    const second = tagName(dumpTag(TAG + 1n));
    await putUnannounced(mounted);
    await putUnannounced(mounted, second);
    await writeFile(log, announcement(1) + announcement(2));
    await mounted.start(...options, '--events=log', `--platform-log=${log}`);
    await namesWithin(mounted, [NAME, second], SOON_MS);
    await until('both written down', async () => {
      const text = await readFile(state, 'utf8').catch(() => '');
      return text.includes(NAME) && text.includes(second);
    });
    expect((await stat(state)).mode & 0o777).toBe(0o600);

    mounted.expected.push(/Killed/);
    mounted.daemon.child.kill('SIGKILL');
    await mounted.daemon.exit();
    // Firmware was told, and nobody noted it.
    await rm(join(mounted.simDir, second));
    await mounted.start(...options, '--events=off', '--trace-rtas', mounted.tracePath);
    await expect(stat(mounted.at(second))).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await stat(mounted.at(NAME))).size).toBe(SIZE);
    await namesWithin(mounted, [NAME], SOON_MS);
  });
});
