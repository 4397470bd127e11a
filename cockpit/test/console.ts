import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { chromium } from 'playwright-core';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM = join(ROOT, 'bin/platdumpfs');
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A machine's web console with the packaged page, a browser, and daemons as the tests want them. */
export class Console implements AsyncDisposable {
  readonly work = mkdtempSync(join(tmpdir(), 'platdumpfs-cockpit-'));
  readonly #user: string;
  readonly #processes: ChildProcess[] = [];
  readonly #mounts: string[] = [];
  #browser: Browser | undefined;
  #port = 0;
  /** Requests that went to another host than the console. */
  readonly strays: string[] = [];
  /** What the browser complained about. */
  readonly complaints: string[] = [];

  /** @param user whose session it is; root's has administrative access */
  static async open(user = 'root'): Promise<Console> {
    const opened = new Console(user);
    await opened.#start();
    return opened;
  }

  private constructor(user: string) {
    this.#user = user;
    chmodSync(this.work, 0o755);
  }

  async #start(): Promise<void> {
    const share = join(this.work, 'share');
    execFileSync('dpkg-deb', ['-x', newestPackage(), join(this.work, 'package')]);
    mkdirSync(join(share, 'cockpit'), { recursive: true });
    symlinkSync(join(this.work, 'package/usr/share/cockpit/platdumpfs'), join(share, 'cockpit/platdumpfs'));
    mkdirSync(join(this.work, 'bin'));
    symlinkSync(PROGRAM, join(this.work, 'bin/platdumpfs'));
    this.setSystemctl('echo LoadState=loaded; echo ActiveState=inactive');
    this.#port = await freePort();
    const args = [
      '--no-tls',
      '--address',
      '127.0.0.1',
      '--port',
      String(this.#port),
      `--local-session=${this.#bridge()}`,
    ];
    this.#run('/usr/lib/cockpit/cockpit-ws', args, {
      XDG_DATA_DIRS: `${share}:/usr/share`,
      PATH: `${join(this.work, 'bin')}:${process.env['PATH'] ?? ''}`,
      XDG_CONFIG_DIRS: this.work,
    });
    await untilConnected(this.#port);
    this.#browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
  }

  #bridge(): string {
    if (this.#user === 'root') return 'cockpit-bridge';
    const path = join(this.work, 'bin/bridge');
    const home = join(this.work, 'home');
    mkdirSync(home);
    execFileSync('chown', [this.#user, home]);
    const as = `setpriv --reuid ${this.#user} --clear-groups --regid nogroup`;
    writeFileSync(path, `#!/bin/sh\nHOME=${home} XDG_RUNTIME_DIR=${home} exec ${as} cockpit-bridge\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** No service manager runs where these tests do: its answers are the test's. */
  setSystemctl(script: string): void {
    const path = join(this.work, 'bin/systemctl');
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }

  /** @param path of the page alone, without the console's menus around it, or of what else the console has */
  async page(
    options: BrowserContextOptions & { readonly language?: string } = {},
    path = '/cockpit/@localhost/platdumpfs/index.html',
  ): Promise<Page> {
    const { language = 'en-us', ...rest } = options;
    if (this.#browser === undefined) throw new Error('no browser');
    const context = await this.#browser.newContext({ viewport: { width: 1400, height: 900 }, ...rest });
    const origin = `http://127.0.0.1:${this.#port}`;
    await context.addCookies([{ name: 'CockpitLang', value: language, url: origin }]);
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    page.on('request', (request) => {
      if (!/^(data:|blob:)/.test(request.url()) && !request.url().startsWith(origin))
        this.strays.push(request.url());
    });
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    await page.goto(`${origin}${path}`);
    return page;
  }

  /** A daemon that serves at a mount point of its own. */
  async daemon(
    name: string,
    ...options: string[]
  ): Promise<{ readonly mountpoint: string; readonly process: ChildProcess }> {
    const mountpoint = resolve(this.work, name);
    mkdirSync(mountpoint, { recursive: true });
    this.#mounts.push(mountpoint);
    const process = this.#run(PROGRAM, [
      'mount',
      '--source',
      'sim',
      mountpoint,
      '--lockdown-file',
      this.level,
      ...options,
    ]);
    const deadline = Date.now() + 30_000;
    while (spawnSync('mountpoint', ['-q', mountpoint]).status !== 0) {
      if (Date.now() > deadline) throw new Error(`no mount at ${mountpoint}`);
      await sleep(50);
    }
    return { mountpoint, process };
  }

  async closePages(): Promise<void> {
    for (const context of this.#browser?.contexts() ?? []) await context.close();
  }

  get level(): string {
    return join(this.work, 'lockdown');
  }

  setLevel(level: 'none' | 'confidentiality'): void {
    const words = ['none', 'integrity', 'confidentiality'].map((word) =>
      word === level ? `[${word}]` : word,
    );
    writeFileSync(this.level, `${words.join(' ')}\n`);
  }

  async stopDaemons(): Promise<void> {
    for (const mountpoint of this.#mounts.splice(0)) spawnSync(PROGRAM, ['umount', mountpoint]);
    rmSync('/run/platdumpfs', { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser?.close();
    await this.stopDaemons();
    for (const child of this.#processes) child.kill();
    rmSync(this.work, { recursive: true, force: true });
  }

  #run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, ...env } });
    this.#processes.push(child);
    return child;
  }
}

function newestPackage(): string {
  const directory = resolve(ROOT, 'packages');
  const [file] = readdirSync(directory).filter((name) => /^platdumpfs-cockpit_.*_all\.deb$/.test(name));
  if (file === undefined) throw new Error('no package: node scripts/package-cockpit.mjs');
  return join(directory, file);
}

function freePort(): Promise<number> {
  return new Promise((settle, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => settle(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function untilConnected(port: number): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const isThere = await new Promise<boolean>((settle) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        settle(true);
      });
      socket.once('error', () => settle(false));
    });
    if (isThere) return;
    if (Date.now() > deadline) throw new Error('cockpit-ws does not listen');
    await sleep(50);
  }
}
