import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PROGRAM, Workshop } from './program.js';

const NAME = '0x0000000200000001';
const LIMIT = { timeout: 20_000, interval: 50 };

let workshop: Workshop;
let path: string;

beforeEach(() => {
  workshop = new Workshop();
  path = workshop.path('log');
});

afterEach(() => workshop[Symbol.asyncDispose]());

function logged(): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** Starts a daemon and removes its dump. @returns what was said on standard error */
function removeADump(...args: string[]): string {
  const dump = `--sim-dump=${NAME}:64K`;
  const started = workshop.run('mount', 'sim', workshop.mountpoint, '--daemon', dump, ...args);
  expect(started.status).toBe(0);
  workshop.exec('cat', [join(workshop.mountpoint, NAME)]);
  expect(workshop.exec('rm', [join(workshop.mountpoint, NAME)]).status).toBe(0);
  return started.stderr;
}

describe('mount --daemon', () => {
  test('logs to the log of the system, to its end', async () => {
    const bin = workshop.path('bin');
    mkdirSync(bin);
    // logger(1) needs somebody at /dev/log, which a container does not have.
    writeFileSync(join(bin, 'logger'), `#!/bin/sh\nexec cat >>${path}\n`);
    chmodSync(join(bin, 'logger'), 0o755);
    workshop.env['PATH'] = `${bin}:${process.env['PATH'] ?? ''}`;
    expect(removeADump('--log-format=text')).toContain('platdumpfs: info: mounted');
    await expect.poll(logged, LIMIT).toMatch(/^<6>.*removed.* tag=0x0*200000001/m);
    expect(workshop.run('umount', workshop.mountpoint).status).toBe(0);
    await expect.poll(logged, LIMIT).toMatch(/^<6>unmounted$/m);
  });

  test('says that nothing will be logged where there is no such log', () => {
    const bin = workshop.path('bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'logger'), '#!/bin/sh\necho "logger: socket /dev/log: no" >&2\nexit 1\n');
    chmodSync(join(bin, 'logger'), 0o755);
    workshop.env['PATH'] = `${bin}:${process.env['PATH'] ?? ''}`;
    expect(removeADump('--log-format=text')).toMatch(/nothing is logged from now on.*--log-file.*dev\/log/);
    workshop.run('umount', workshop.mountpoint);
  });

  test('goes on to log to standard error that is a file', async () => {
    const words = ['mount', 'sim', workshop.mountpoint, '--daemon', `--sim-dump=${NAME}:64K`];
    const started = workshop.exec('sh', ['-c', `"$@" 2>${path}`, 'sh', process.execPath, PROGRAM, ...words]);
    expect(started.status).toBe(0);
    expect(workshop.run('umount', workshop.mountpoint).status).toBe(0);
    await expect.poll(logged, LIMIT).toContain('"message":"unmounted"');
  });

  test('logs to a file of its own', async () => {
    expect(removeADump(`--log-file=${path}`)).toContain('"message":"mounted"');
    await expect.poll(logged, LIMIT).toMatch(/"level":"info","message":"[^"]*removed/);
    expect(workshop.run('umount', workshop.mountpoint).status).toBe(0);
    await expect.poll(logged, LIMIT).toContain('"message":"unmounted"');
  });
});

describe('mount --log-file', () => {
  test('opens the file again at SIGHUP, and goes on to serve', async () => {
    const daemon = workshop.start('mount', 'sim', workshop.mountpoint, `--log-file=${path}`);
    await expect.poll(logged, LIMIT).toContain('"message":"mounted"');
    renameSync(path, `${path}.1`);
    daemon.child.kill('SIGHUP');
    await expect.poll(() => existsSync(path), LIMIT).toBe(true);
    expect(workshop.exec('ls', [workshop.mountpoint]).stdout).toContain('0x');
    expect(await daemon.stop('SIGTERM')).toBe(0);
    expect(logged()).toContain('"message":"stopped"');
  });

  test('keeps the message that ends the program', () => {
    const failed = workshop.run(
      'mount',
      'opal',
      workshop.mountpoint,
      '--opal-dir=/nowhere',
      `--log-file=${path}`,
    );
    expect(failed).toMatchObject({ status: 3, stderr: expect.stringContaining('not available') as string });
    expect(logged()).toMatch(/"level":"error".*not available/);
  });

  test('refuses in one line what is no file of our own', () => {
    mkdirSync(path);
    const failed = workshop.run('mount', 'sim', workshop.mountpoint, `--log-file=${path}`);
    expect(failed).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^platdumpfs: [^\n]*log[^\n]*\n$/) as string,
    });
  });
});
