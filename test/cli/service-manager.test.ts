import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
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

test.skipIf(skip !== '')(
  `mount tells the service manager when it is ready and when it stops${skip}`,
  async () => {
    const socket = workshop.path('notify');
    const listener = spawn('python3', ['-c', LISTENER, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const lines = createInterface({ input: listener.stdout })[Symbol.asyncIterator]();
      const next = async (): Promise<string> => {
        for (;;) {
          const { value } = (await lines.next()) as { value?: string };
          // What systemd-notify waits with until it has been heard.
          if (value?.startsWith('BARRIER=') !== true) return value ?? 'ended';
        }
      };
      expect(await next()).toBe('listening');
      workshop.env['NOTIFY_SOCKET'] = socket;
      const level = workshop.path('lockdown');
      writeFileSync(level, '[none] integrity confidentiality\n');
      const daemon = await workshop.mount('--sim-dump=1:4K', `--lockdown-file=${level}`);
      expect(await next()).toBe(`READY=1|STATUS=serves sim at ${workshop.mountpoint}`);
      writeFileSync(level, 'none integrity [confidentiality]\n');
      const locked = 'STATUS=locked down: no dump can be reached until restart';
      expect(await next()).toBe(locked);
      expect(await daemon.stop('SIGTERM')).toBe(0);
      // Said twice where the rise came while readiness was being told.
      let last = await next();
      if (last === locked) last = await next();
      expect(last).toBe('STOPPING=1|STATUS=unmounting after SIGTERM');
    } finally {
      listener.kill('SIGKILL');
      await once(listener, 'close');
    }
  },
);

test('mount serves where the service manager cannot be told', async () => {
  workshop.env['NOTIFY_SOCKET'] = workshop.path('nobody');
  const daemon = await workshop.mount('--sim-dump=1:4K');
  await daemon.said('cannot tell the service manager');
  expect(workshop.exec('ls', [workshop.mountpoint]).stdout).toBe('0x0000000000000001\n');
  expect(await daemon.stop('SIGTERM')).toBe(0);
});
