import { existsSync } from 'node:fs';
import { appendFile, chmod, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dumpTag, tagName } from '../../src/base/tag.js';
import { KERNEL, Mounted, TRANSPORTS, until } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';
import { event, locator } from '../unit/rtas/events/support/build-event.js';
import { eventText } from '../unit/rtas/events/support/event-samples.js';

const TAG = dumpTag(0x2_0000_0001n);
const NAME = tagName(TAG);
const SIZE = 100_000;
/** Within 2 s, says the contract: on a machine that does nothing else. */
const SOON_MS = 20_000;

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

/** Prints the errnos that many names answer which nobody has announced. */
const ASK_FOR_NAMES = `
import errno, json, os, sys
seen = set()
for number in range(5000):
    try: os.stat('%s/0x%016x' % (sys.argv[1], 0x500000000 + number))
    except OSError as error: seen.add(errno.errorcode[error.errno])
print(json.dumps(sorted(seen)))
`;

describe('announcements', () => {
  test('a dump is in the listing soon after its event is in the log', async () => {
    await using mounted = new Mounted(KERNEL);
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
    await using mounted = new Mounted(KERNEL);
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

  test('kill -9 between the invalidation and its record: the tag is offered to nobody, until it returns as a new file', async () => {
    await using mounted = new Mounted(KERNEL);
    const state = join(mounted.directory, 'tags');
    const options = [`--sim-dir=${mounted.simDir}`, `--state-file=${state}`, '--events=off'];
    const path = mounted.at(NAME);
    await putUnannounced(mounted);
    await mounted.start(...options);
    expect((await stat(path)).size).toBe(SIZE);
    await mustRun('cat', [path]);
    await until('written down', async () => (await readFile(state, 'utf8').catch(() => '')).includes(NAME));
    const before = await readFile(state);

    const removal = runTool('rm', [path]);
    await until('invalidated', () => existsSync(join(mounted.simDir, `${NAME}.invalidated`)));
    mounted.daemon.child.kill('SIGKILL');
    await Promise.all([mounted.daemon.exit(), removal]);
    // On a slow machine the record was quicker than the signal.
    await writeFile(state, before);

    await mounted.start(...options);
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await runTool('cat', [path])).toMatchObject({ status: 1, bytes: 0 });
    await namesWithin(mounted, [], SOON_MS);
    await until('struck out', async () => !(await readFile(state, 'utf8')).includes(NAME));

    await writeFile(join(mounted.simDir, NAME), Buffer.alloc(SIZE + 1, 8));
    await until('found again', () => existsSync(path));
    const first = await stat(path);
    expect(first.size).toBe(SIZE + 1);
    await mustRun('cat', [path]);
    await mustRun('rm', [path]);
    expect(existsSync(path)).toBe(false);
    await writeFile(join(mounted.simDir, NAME), Buffer.alloc(SIZE, 9));
    await until('found once more', () => existsSync(path));
    const second = await stat(path);
    expect(second.size).toBe(SIZE);
    expect(second.ino).not.toBe(first.ino);
    expect((await mustRun('cat', [path])).bytes).toBe(SIZE);
  });

  test('asking for names of dumps that are not there costs firmware little', async () => {
    await using mounted = new Mounted(KERNEL);
    await mounted.start(`--sim-dir=${mounted.simDir}`, '--events=off', '--trace-rtas', mounted.tracePath);
    const absent = Array.from({ length: 100 }, (_, at) => mounted.at(tagName(dumpTag(TAG + BigInt(at)))));
    const begun = performance.now();
    await runTool('stat', absent);
    const seconds = (performance.now() - begun) / 1000;
    // Ten at once, ten a second more: the rest is refused, not queued.
    const afterwards = (await mounted.trace()).length;
    expect(afterwards).toBeGreaterThan(0);
    expect(afterwards).toBeLessThanOrEqual(10 + Math.ceil(10 * seconds));
    const tags = (await mounted.trace()).map(({ tag }) => tag);
    expect(new Set(tags).size).toBe(tags.length);
    expect((await runTool('stat', absent)).stderr).toContain('Resource temporarily unavailable');
    // A name that is no tag is no question.
    await until('allowed again', async () =>
      (await runTool('stat', [mounted.at(NAME)])).stderr.includes('No such'),
    );
    const before = (await mounted.trace()).length;
    await runTool('stat', [mounted.at('core'), mounted.at('0x1'), mounted.at(NAME.toUpperCase())]);
    expect((await mounted.trace()).length).toBe(before);
  });

  test.each(TRANSPORTS)(
    'a user who is neither root nor owner asks for names in vain, and holds nobody up, $transport',
    async (cell) => {
      await using mounted = new Mounted(cell);
      await putUnannounced(mounted);
      await mounted.start(
        `--sim-dir=${mounted.simDir}`,
        '--events=off',
        '--allow-other',
        '--umask=0222',
        `--trace-rtas=${mounted.tracePath}`,
      );
      // The mount point lies in a private directory otherwise.
      await chmod(mounted.directory, 0o711);
      const before = mounted.daemon.log.length;
      const flood = runTool('setpriv', [
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        'env',
        // Not one that only root may run, say below its home directory.
        'PATH=/usr/bin:/bin',
        'python3',
        '-c',
        ASK_FOR_NAMES,
        mounted.mountpoint,
      ]);
      // fuse-native does not say who asks: there nobody may, where all may come in.
      const mayRoot = cell.transport === 'kernel';
      expect((await runTool('stat', [mounted.at(NAME)])).status).toBe(mayRoot ? 0 : 1);
      const { status, stdout, stderr } = await flood;
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(JSON.parse(stdout)).toEqual(['ENOENT']);
      const calls = existsSync(mounted.tracePath) ? await mounted.trace() : [];
      expect(new Set(calls.map(({ tag }) => tag))).toEqual(new Set(mayRoot ? [NAME] : []));
      expect(mounted.daemon.log.slice(before)).toEqual([]);
    },
  );
});
