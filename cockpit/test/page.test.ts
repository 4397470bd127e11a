import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Console } from './console.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Where the pictures of the documents are; written only when asked to. */
const PICTURES = process.env['PLATDUMPFS_PICTURES'];
const ONE = '0x0000000200000001';
const TWO = '0x0000000200000002';

let machine: Console;
beforeAll(async () => {
  machine = await Console.open();
});
afterAll(() => machine[Symbol.asyncDispose]());
beforeEach(() => {
  machine.setLevel('none');
  machine.complaints.length = 0;
});
afterEach(async () => {
  await machine.closePages();
  await machine.stopDaemons();
  expect(machine.strays).toEqual([]);
});

/** Accessibility violations, one line each. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as {
      readonly axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const result = await axe.run();
    return result.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`);
  });
}

async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

function row(page: Page, tag: string): Locator {
  return page.locator(`tr[data-tag="${tag}"]`);
}

/** Chooses from the menu of the only dump in `where`. */
async function choose(where: Locator, item: 'Save…' | 'Remove…'): Promise<void> {
  await where.getByRole('button', { name: /Actions/ }).click();
  await where.page().getByRole('menuitem', { name: item }).click();
}

/** Fills in the dialog of a save that was asked for. */
async function saveInto(page: Page, directory: string): Promise<void> {
  await page.getByLabel('Directory on this machine').fill(directory);
  await page.getByRole('button', { name: 'Save', exact: true }).click();
}

/** A save of a dump that takes minutes is under way. */
async function longSave(name: string): Promise<{ readonly page: Page; readonly target: string }> {
  await machine.daemon('dumps', '--sim-dump', `${ONE}:64M`, '--sim-latency-us', '2000');
  const target = join(machine.work, name);
  mkdirSync(target);
  const page = await machine.page();
  await row(page, ONE).getByRole('checkbox').check();
  await page.getByRole('button', { name: /Save selected/ }).click();
  await saveInto(page, target);
  await page.getByRole('progressbar', { name: ONE }).waitFor();
  return { page, target };
}

/** Directory of dumps for --sim-dir; the trace tells what firmware was asked for. */
function simDirectory(dumps: Readonly<Record<string, Buffer>>): {
  readonly directory: string;
  readonly trace: string;
} {
  const directory = mkdtempSync(join(machine.work, 'sim-'));
  for (const [tag, bytes] of Object.entries(dumps)) writeFileSync(join(directory, tag), bytes);
  return { directory, trace: join(machine.work, `${directory.split('/').pop() ?? ''}.trace`) };
}

function invalidations(trace: string): number {
  return existsSync(trace) ? (readFileSync(trace, 'utf8').match(/"op":"invalidate"/g)?.length ?? 0) : 0;
}

/** A dump whose header suggests a name for it. */
function named(dump: Buffer, name: string): Buffer {
  dump.fill(0, 0, 64);
  dump.write('FILE    ', 0);
  dump.writeUInt16BE(64, 8);
  dump.writeUInt16BE(1, 0x14);
  dump.write(name, 0x18, 'latin1');
  return dump;
}

const content = (bytes: number): Buffer => Buffer.alloc(bytes, 'platform dump ');

describe('what is there', () => {
  test('shows each dump with what is known of it, and the daemon', async () => {
    await machine.daemon('dumps', '--sim-dump', `${ONE}:1M`, '--sim-dump', `${TWO}:3M`);
    const page = await machine.page();
    await expect.poll(() => page.locator('tr[data-tag]').count(), { timeout: 30_000 }).toBe(2);
    expect(await row(page, ONE).innerText()).toContain('waits');
    const text = await page.locator('#app').innerText();
    for (const part of [join(machine.work, 'dumps'), 'simulated hypervisor', 'kernel'])
      expect(text).toContain(part);
    expect(await violations(page)).toEqual([]);
    expect(machine.complaints).toEqual([]);
  });

  test('as it looks with the dumps of the simulated hypervisor', async () => {
    const { mountpoint } = await machine.daemon('/run/dumps');
    const page = await machine.page({ viewport: { width: 1280, height: 560 } });
    await row(page, ONE).waitFor();
    const tags = readdirSync(mountpoint);
    execFileSync('cat', [join(mountpoint, tags[0] ?? '')], { stdio: 'ignore' });
    await expect.poll(() => row(page, tags[0] ?? '').innerText(), { timeout: 30_000 }).toContain('100%');
    await expect.poll(() => page.locator('.rate-plot').count(), { timeout: 30_000 }).toBe(1);
    await picture(page, 'dumps');
    await choose(row(page, tags[0] ?? ''), 'Remove…');
    await page.getByText('nobody can bring it back').waitFor();
    await picture(page, 'remove');
  });

  test('follows dumps that appear, are read and vanish', async () => {
    const { directory } = simDirectory({ [ONE]: content(100_000) });
    const { mountpoint } = await machine.daemon('dumps', '--sim-dir', directory);
    const page = await machine.page();
    await row(page, ONE).waitFor();
    writeFileSync(join(directory, TWO), content(50_000));
    await row(page, TWO).waitFor();
    execFileSync('cat', [join(mountpoint, ONE)], { stdio: 'ignore' });
    await expect.poll(() => row(page, ONE).innerText(), { timeout: 30_000 }).toContain('read completely');
    await expect.poll(() => row(page, ONE).innerText(), { timeout: 30_000 }).toContain('100%');
    execFileSync('rm', [join(mountpoint, ONE)]);
    await row(page, ONE).waitFor({ state: 'detached' });
    expect(await row(page, TWO).count()).toBe(1);
  });

  test('several mounts stand one below the other', async () => {
    await machine.daemon('first', '--sim-dump', `${ONE}:4K`);
    await machine.daemon('second', '--sim-dump', `${TWO}:4K`);
    const page = await machine.page();
    await row(page, ONE).waitFor();
    await row(page, TWO).waitFor();
    const titles = await page.getByRole('heading', { level: 2 }).allInnerTexts();
    expect(titles.slice(0, 2)).toEqual([join(machine.work, 'first'), join(machine.work, 'second')]);
  });

  test('says that no dump waits', async () => {
    const { directory } = simDirectory({});
    await machine.daemon('dumps', '--sim-dir', directory);
    const page = await machine.page();
    await page.getByText('No dump waits').waitFor();
    expect(await violations(page)).toEqual([]);
  });

  test('stands in the menu of the console', async () => {
    await machine.daemon('dumps', '--sim-dump', `${ONE}:4K`);
    const page = await machine.page({}, '/');
    await page.getByRole('link', { name: 'Platform dumps' }).first().click();
    const inside = page.frameLocator('iframe[name="cockpit1:localhost/platdumpfs"]');
    await inside.locator(`tr[data-tag="${ONE}"]`).waitFor();
  });

  test('a hundred dumps are there at once', async () => {
    const dumps = Array.from({ length: 100 }, (_, index) => `${(0x200000100 + index).toString(16)}:8K`);
    await machine.daemon('dumps', ...dumps.flatMap((dump) => ['--sim-dump', `0x${dump}`]));
    const page = await machine.page();
    await expect.poll(() => page.locator('tr[data-tag]').count(), { timeout: 30_000 }).toBe(100);
    await page.reload();
    const readyMs = await page.evaluate(async () => {
      const all = (): number => document.querySelectorAll('tr[data-tag]').length;
      while (all() < 100) await new Promise(requestAnimationFrame);
      return performance.now();
    });
    console.log(`page with 100 dumps ready after ${Math.round(readyMs)} ms`);
  });
});

describe('saving', () => {
  test('saves what is selected, and the copy has the checksum of the dump', async () => {
    const bytes = content(3_000_000);
    const { directory } = simDirectory({ [ONE]: bytes, [TWO]: content(20_000) });
    await machine.daemon('dumps', '--sim-dir', directory);
    const target = join(machine.work, 'copies');
    mkdirSync(target);
    const page = await machine.page();
    await row(page, ONE).getByRole('checkbox').check();
    await page.getByRole('button', { name: /Save selected/ }).click();
    expect(await violations(page)).toEqual([]);
    await picture(page, 'save');
    await saveInto(page, target);
    const digest = createHash('sha256').update(bytes).digest('hex');
    await page.getByText(`SHA-256 ${digest}`).waitFor();
    expect(readdirSync(target)).toHaveLength(1);
    expect(readFileSync(join(target, readdirSync(target)[0] ?? '')).equals(bytes)).toBe(true);
    expect(await row(page, TWO).count()).toBe(1);
  });

  test('tells why it failed', async () => {
    await machine.daemon('dumps', '--sim-dump', `${ONE}:64K`);
    const page = await machine.page();
    await choose(row(page, ONE), 'Save…');
    await page.getByLabel('Directory on this machine').fill('relative');
    expect(await page.getByRole('button', { name: 'Save', exact: true }).isDisabled()).toBe(true);
    await saveInto(page, join(machine.work, 'nowhere'));
    await page
      .getByText(/nowhere.*(does not exist|no such)/i)
      .first()
      .waitFor();
    expect(await violations(page)).toEqual([]);
  });

  test('where there is no room nothing is left, and the dump is still there', async () => {
    await machine.daemon('dumps', '--sim-dump', `${ONE}:4M`);
    const target = join(machine.work, 'small');
    mkdirSync(target);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1M', 'tmpfs', target]);
    try {
      const page = await machine.page();
      await row(page, ONE).getByRole('checkbox').check();
      await page.getByRole('button', { name: /Save selected/ }).click();
      await saveInto(page, target);
      await page.getByText(/is not saved/).waitFor();
      expect(readdirSync(target)).toEqual([]);
      expect(await row(page, ONE).count()).toBe(1);
    } finally {
      execFileSync('umount', [target]);
    }
  });

  test('can be cancelled, and leaves nothing', async () => {
    const { page, target } = await longSave('cancelled');
    await page.getByRole('region', { name: 'Saving' }).getByRole('button', { name: 'Cancel' }).click();
    await page.getByText(/Cancelled/).waitFor();
    await expect.poll(() => readdirSync(target), { timeout: 30_000 }).toEqual([]);
  });
});

describe('removing', () => {
  test('says what cannot be undone, and removes what was read', async () => {
    const { directory, trace } = simDirectory({ [ONE]: content(40_000) });
    const { mountpoint } = await machine.daemon('dumps', '--sim-dir', directory, '--trace-rtas', trace);
    execFileSync('cat', [join(mountpoint, ONE)], { stdio: 'ignore' });
    const page = await machine.page();
    await expect.poll(() => row(page, ONE).innerText(), { timeout: 30_000 }).toContain('read completely');
    await choose(row(page, ONE), 'Remove…');
    await page.getByText('nobody can bring it back').waitFor();
    await page.getByText('Whether a copy is on disk is not proven').waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await row(page, ONE).waitFor({ state: 'detached' });
    expect(invalidations(trace)).toBe(1);
    expect(readdirSync(directory)).toEqual([`${ONE}.invalidated`]);
  });

  test('a copy of one mount proves nothing of a dump of another that has the same tag', async () => {
    const first = simDirectory({ [ONE]: content(40_000) });
    const second = simDirectory({ [ONE]: content(50_000) });
    await machine.daemon('a', '--sim-dir', first.directory);
    await machine.daemon('b', '--sim-dir', second.directory);
    const target = join(machine.work, 'of-a');
    mkdirSync(target);
    const page = await machine.page();
    const card = (name: string): Locator => page.getByRole('region', { name: join(machine.work, name) });
    await card('a').locator('tbody').getByRole('checkbox').check();
    await card('a')
      .getByRole('button', { name: /Save selected/ })
      .click();
    await saveInto(page, target);
    await page
      .getByRole('region', { name: 'Saving' })
      .getByText(/SHA-256/)
      .waitFor();
    const ask = async (name: string): Promise<void> => {
      await card(name)
        .getByRole('button', { name: /Actions/ })
        .click();
      await page.getByRole('menuitem', { name: 'Remove…' }).click();
    };
    await ask('b');
    await page.getByText('Nothing is proven').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await expect.poll(() => card('a').innerText(), { timeout: 30_000 }).toContain('read completely');
    await ask('a');
    await page.getByText('Saved and verified as').waitFor();
  });

  test('is refused as the daemon refuses, and firmware hears nothing', async () => {
    const { directory, trace } = simDirectory({ [ONE]: content(40_000) });
    await machine.daemon('dumps', '--sim-dir', directory, '--trace-rtas', trace);
    const page = await machine.page();
    await choose(row(page, ONE), 'Remove…');
    await page.getByText('Nothing is proven').waitFor();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByText(/Refused: not every byte/).waitFor();
    expect(await row(page, ONE).count()).toBe(1);
    expect(invalidations(trace)).toBe(0);
  });
});

describe('states', () => {
  test('no daemon: says so, starts and enables the service', async () => {
    const asked = join(machine.work, 'asked');
    machine.setSystemctl(
      `case "$1" in show) echo LoadState=loaded; echo ActiveState=inactive;; *) echo "$@" >>${asked};; esac`,
    );
    const page = await machine.page();
    await page.getByRole('heading', { name: 'No daemon runs' }).waitFor();
    expect(await violations(page)).toEqual([]);
    await picture(page, 'no-daemon');
    await page.getByRole('button', { name: 'Start and enable the service' }).click();
    await expect.poll(() => existsSync(asked), { timeout: 30_000 }).toBe(true);
    expect(readFileSync(asked, 'utf8')).toBe('enable --now platdumpfs.service\n');
  });

  test('no firmware interface', async () => {
    machine.setSystemctl('echo LoadState=loaded; echo ActiveState=failed; echo ExecMainStatus=3');
    const page = await machine.page();
    await page.getByText('found no firmware interface').waitFor();
    await page.getByRole('button', { name: 'Check this machine' }).click();
    await page.getByText('no firmware interface for platform dumps on this machine').waitFor();
    await page.getByText('--source sim serves').waitFor();
  });

  test('lockdown: nothing of a dump is left on the page', async () => {
    const { directory } = simDirectory({ [ONE]: content(40_000) });
    const { mountpoint } = await machine.daemon('dumps', '--sim-dir', directory);
    execFileSync('cat', [join(mountpoint, ONE)], { stdio: 'ignore' });
    const page = await machine.page();
    await choose(row(page, ONE), 'Remove…');
    await page.getByText('nobody can bring it back').waitFor();
    machine.setLevel('confidentiality');
    await page.getByText('Locked down').waitFor();
    expect(await page.content()).not.toContain('200000001');
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(await violations(page)).toEqual([]);
    await picture(page, 'locked');
  });

  test('lockdown in the middle of a save ends it, and nothing of it is left', async () => {
    const { page, target } = await longSave('locked');
    machine.setLevel('confidentiality');
    await page.getByText('Locked down').waitFor();
    await page.getByRole('region', { name: 'Saving' }).waitFor({ state: 'detached' });
    expect(await page.content()).not.toContain('200000001');
    await expect.poll(() => readdirSync(target), { timeout: 30_000 }).toEqual([]);
  });

  test('a daemon that is stopped, and one that is killed', async () => {
    const { process } = await machine.daemon('dumps', '--sim-dump', `${ONE}:4K`);
    const page = await machine.page();
    await row(page, ONE).waitFor();
    process.kill('SIGKILL');
    await page.getByRole('heading', { name: 'No daemon runs' }).waitFor();
    spawnSync('umount', ['-l', join(machine.work, 'dumps')]);
    await machine.daemon('dumps', '--sim-dump', `${ONE}:4K`);
    await row(page, ONE).waitFor();
    await machine.stopDaemons();
    await page.getByRole('heading', { name: 'No daemon runs' }).waitFor();
  });

  test('a daemon that hangs, and goes on', async () => {
    const { process } = await machine.daemon('dumps', '--sim-dump', `${ONE}:4K`);
    const page = await machine.page();
    await row(page, ONE).waitFor();
    process.kill('SIGSTOP');
    try {
      await page.getByText('The daemon does not answer').waitFor();
      expect(await violations(page)).toEqual([]);
    } finally {
      process.kill('SIGCONT');
    }
    await row(page, ONE).waitFor();
  });

  test('without administrative access nothing is shown', async () => {
    await machine.daemon('dumps', '--sim-dump', `${ONE}:4K`);
    await using theirs = await Console.open('nobody');
    const page = await theirs.page();
    await page.getByRole('heading', { name: 'Administrative access is needed' }).waitFor();
    expect(await page.content()).not.toContain('200000001');
    expect(await violations(page)).toEqual([]);
    await theirs.closePages();
  });

  test('a name with markup in it is text', async () => {
    const name = '<img src=x onerror=alert(1)>';
    const { directory } = simDirectory({ [ONE]: named(content(60_000), name) });
    const { mountpoint } = await machine.daemon(name, '--sim-dir', directory);
    // Asking for the name is what makes the daemon know it.
    execFileSync('getfattr', ['-n', 'user.platdump.name', join(mountpoint, ONE)], { stdio: 'ignore' });
    const page = await machine.page();
    await page.getByRole('heading', { name: /<img src=x/ }).waitFor();
    await expect.poll(() => row(page, ONE).innerText(), { timeout: 30_000 }).toContain('img_src_x_onerror');
    expect(await page.locator('#app img').count()).toBe(0);
  });
});

describe('for everybody', () => {
  test('narrow, dark and by keyboard', async () => {
    await machine.daemon('dumps', '--sim-dump', `${ONE}:64K`);
    const page = await machine.page({ viewport: { width: 360, height: 740 }, colorScheme: 'dark' });
    await row(page, ONE).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    expect(await page.evaluate(() => document.documentElement.className)).toContain('pf-v6-theme-dark');
    expect(await violations(page)).toEqual([]);
    await picture(page, 'narrow-dark');
    await row(page, ONE)
      .getByRole('button', { name: /Actions/ })
      .focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Save…' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  test('in German', async () => {
    await machine.daemon('dumps', '--sim-dump', `${ONE}:64K`);
    const page = await machine.page({ language: 'de-de' });
    await page.getByText('wartet').first().waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('de');
  });

  test('every text has a translation', () => {
    const here = fileURLToPath(new URL('../', import.meta.url));
    const translated = readFileSync(join(here, 'po/de.po'), 'utf8');
    const texts = readdirSync(join(here, 'src'))
      .map((file) => readFileSync(join(here, 'src', file), 'utf8'))
      .flatMap((code) => [...code.matchAll(/\b_\(\s*'([^']+)'\s*,?\s*\)/g)].map(([, text = '']) => text));
    expect(texts.length).toBeGreaterThan(60);
    expect(texts.filter((text) => !translated.includes(`msgid "${text}"`))).toEqual([]);
  });

  test('is small, and ready within seconds', async () => {
    const dist = fileURLToPath(new URL('../dist/', import.meta.url));
    const bytes = ['index.js', 'index.css', 'index.html']
      .map((file) => gzipSync(readFileSync(join(dist, file))).length)
      .reduce((sum, size) => sum + size, 0);
    expect(bytes).toBeLessThan(500 * 1024);
  });
});
