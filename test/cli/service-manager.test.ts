import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Workshop } from './program.js';

/** Node.js has no datagram sockets of AF_UNIX. Prints each message in a line. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening", flush=True)
while True:
    print(s.recv(4096).decode().replace("\\n", "|"), flush=True)
`;

const lacks = ['systemd-notify', 'python3'].filter(
  (name) => spawnSync(name, ['--version']).error !== undefined,
);
const skip = lacks.length > 0 ? ` (skipped: no ${lacks.join(', ')} here)` : '';

let workshop: Workshop;

beforeEach(() => {
  workshop = new Workshop();
});

afterEach(() => workshop[Symbol.asyncDispose]());

/** What the service manager is told, message by message, lines parted by `|`. */
class Manager implements AsyncDisposable {
  readonly #listener: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    const socket = workshop.path('notify');
    this.#listener = spawn('python3', ['-c', LISTENER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#listener.stdout! })[Symbol.asyncIterator]();
    workshop.env['NOTIFY_SOCKET'] = socket;
  }

  async next(): Promise<string> {
    for (;;) {
      const { value } = (await this.#lines.next()) as { value?: string };
      // What systemd-notify waits with until it has been heard.
      if (value?.startsWith('BARRIER=') !== true) return value ?? 'ended';
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.kill('SIGKILL');
    await once(this.#listener, 'close');
  }
}

test.skipIf(skip !== '')(
  `mount tells the service manager when it is ready and when it stops${skip}`,
  async () => {
    await using manager = new Manager();
    expect(await manager.next()).toBe('listening');
    const level = workshop.path('lockdown');
    writeFileSync(level, '[none] integrity confidentiality\n');
    const daemon = await workshop.mount('--sim-dump=1:4K', `--lockdown-file=${level}`);
    expect(await manager.next()).toBe(`READY=1|STATUS=serves sim at ${workshop.mountpoint}`);
    writeFileSync(level, 'none integrity [confidentiality]\n');
    const locked = 'STATUS=locked down: no dump can be reached until restart';
    expect(await manager.next()).toBe(locked);
    expect(await daemon.stop('SIGTERM')).toBe(0);
    // Said twice where the rise came while readiness was being told.
    let last = await manager.next();
    if (last === locked) last = await manager.next();
    expect(last).toBe('STOPPING=1|STATUS=unmounting after SIGTERM');
  },
);

test.skipIf(skip !== '')(
  `SIGHUP reads the log level again, and the service manager is told${skip}`,
  async () => {
    await using manager = new Manager();
    expect(await manager.next()).toBe('listening');
    const settings = workshop.path('platdumpfs.env');
    workshop.env['PLATDUMPFS_SETTINGS'] = settings;
    writeFileSync(settings, 'PLATDUMPFS_OPTIONS=--log-level=debug\n');
    const daemon = await workshop.mount('--sim-dump=1:4K');
    const status = `STATUS=serves sim at ${workshop.mountpoint}`;
    expect(await manager.next()).toBe(`READY=1|${status}`);
    daemon.child.kill('SIGHUP');
    expect(await manager.next()).toBe(`RELOADING=1|${status}`);
    expect(await manager.next()).toBe(`READY=1|${status}`);
    expect(daemon.stderr).toContain('info: reloaded logLevel=debug');
    writeFileSync(settings, 'PLATDUMPFS_OPTIONS=--log-level=loud\n');
    daemon.child.kill('SIGHUP');
    await daemon.said('warn: the settings cannot be read: the log level stays');
    expect(await daemon.stop('SIGTERM')).toBe(0);
  },
);

test.skipIf(skip !== '')(`the watchdog is answered, and not while the daemon hangs${skip}`, async () => {
  await using manager = new Manager();
  expect(await manager.next()).toBe('listening');
  workshop.env['WATCHDOG_USEC'] = '300000';
  const daemon = await workshop.mount('--sim-dump=1:4K');
  const pings = async (count: number): Promise<void> => {
    for (let seen = 0; seen < count;) if ((await manager.next()) === 'WATCHDOG=1') seen += 1;
  };
  await pings(3);
  daemon.child.kill('SIGSTOP');
  // What was on its way still comes.
  const next = pings(20).then(() => 'pinged');
  expect(await Promise.race([next, sleep(3000, 'silent')])).toBe('silent');
  daemon.child.kill('SIGCONT');
  await next;
  expect(await daemon.stop('SIGTERM')).toBe(0);
});

test('mount serves where the service manager cannot be told', async () => {
  workshop.env['NOTIFY_SOCKET'] = workshop.path('nobody');
  const daemon = await workshop.mount('--sim-dump=1:4K');
  await daemon.said('cannot tell the service manager');
  expect(workshop.exec('ls', [workshop.mountpoint]).stdout).toBe('0x0000000000000001\n');
  expect(await daemon.stop('SIGTERM')).toBe(0);
});
