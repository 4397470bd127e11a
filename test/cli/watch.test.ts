import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { watchDaemon } from '../../src/cli/control/control-client.js';
import type { DumpChange } from '../../src/cli/query/listing-changes.js';
import { socketName } from '../../src/cli/runtime-directory.js';
import { Workshop } from './program.js';
import type { Running } from './program.js';

const NAME = '0x0000000200000001';

let workshop: Workshop;

beforeEach(() => {
  workshop = new Workshop();
});

afterEach(() => workshop[Symbol.asyncDispose]());

/** `watch` with the lines that it prints. */
class Watching {
  readonly running: Running;
  #text = '';

  constructor(...args: string[]) {
    this.running = workshop.start('watch', ...args);
    this.running.child.stdout?.on('data', (chunk: Buffer) => (this.#text += chunk.toString()));
  }

  get lines(): readonly string[] {
    return this.#text.split('\n').slice(0, -1);
  }

  async untilLines(count: number): Promise<readonly string[]> {
    const signal = AbortSignal.timeout(15_000);
    while (this.lines.length < count) await once(this.running.child.stdout!, 'data', { signal });
    return this.lines;
  }
}

async function mountWithDirectory(...args: string[]): Promise<Running> {
  return workshop.mount(`--sim-dir=${workshop.directory}`, ...args);
}

describe('watch', () => {
  test('prints a line for a dump that appears, changes and vanishes, and ends with Ctrl-C', async () => {
    await mountWithDirectory();
    const watching = new Watching(workshop.mountpoint);
    await watching.running.said(`watching ${workshop.mountpoint}`);
    writeFileSync(workshop.path(NAME), 'dump');
    expect((await watching.untilLines(1))[0]).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}appeared {2}0x0000000200000001 {2}platform {2}4 B {2}new$/,
    );
    workshop.exec('cat', [join(workshop.mountpoint, NAME)]);
    expect((await watching.untilLines(2))[1]).toMatch(/ changed .* complete$/);
    rmSync(workshop.path(NAME));
    expect((await watching.untilLines(3))[2]).toMatch(/ vanished /);
    expect(await watching.running.stop('SIGINT')).toBe(0);
    expect(watching.lines).toHaveLength(3);
  });

  test('prints JSON, one object per line', async () => {
    await mountWithDirectory();
    const watching = new Watching('--json');
    await watching.running.said('watching');
    writeFileSync(workshop.path(NAME), 'dump');
    const [line = ''] = await watching.untilLines(1);
    const change = JSON.parse(line) as DumpChange & { time: string };
    expect(change).toMatchObject({ event: 'appeared', dump: { tag: NAME, size: 4 } });
    expect(Object.keys(change).sort()).toEqual(['dump', 'event', 'time']);
    expect(await watching.running.stop('SIGTERM')).toBe(0);
  });

  test('ends when the daemon ends', async () => {
    const daemon = await mountWithDirectory();
    const watching = new Watching();
    await watching.running.said('watching');
    expect(await daemon.stop('SIGTERM')).toBe(0);
    expect(await watching.running.exit()).toBe(0);
  });

  test('shows nothing more once lockdown rises', async () => {
    const level = workshop.path('lockdown');
    writeFileSync(level, '[none] integrity confidentiality\n');
    await mountWithDirectory(`--lockdown-file=${level}`);
    const watching = new Watching();
    await watching.running.said('watching');
    writeFileSync(level, 'none integrity [confidentiality]\n');
    expect(await watching.running.exit()).toBe(4);
    expect(watching.lines).toEqual([]);
    expect(watching.running.stderr).toMatch(/locked down/);
    expect(workshop.run('watch').status).toBe(4);
  });

  test('says that there is nobody to ask', () => {
    const alone = workshop.run('watch');
    expect(alone).toMatchObject({ status: 1, stdout: '' });
    expect(alone.stderr).toMatch(/^platdumpfs: no platdumpfs of this user runs\n$/);
    expect(workshop.run('watch', '/nowhere').stderr).toMatch(/serves \/nowhere\n$/);
    expect(workshop.run('watch', 'a', 'b').status).toBe(2);
  });

  test('serves eight at once, and still answers others', async () => {
    await mountWithDirectory();
    const path = join(workshop.directory, 'run', socketName(workshop.mountpoint));
    const watchers = Array.from({ length: 9 }, () => watchDaemon(path, AbortSignal.timeout(30_000)));
    const firstLines = await Promise.all(watchers.map(async (watcher) => (await watcher.next()).value?.kind));
    expect(firstLines.sort()).toEqual(['error', ...Array.from({ length: 8 }, () => 'watching')]);
    expect(workshop.run('list', '--json').stdout).toBe('[]\n');
    await Promise.all(watchers.map((watcher) => watcher.return(undefined)));
  });
});
