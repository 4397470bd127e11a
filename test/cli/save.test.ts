import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../support/mounted.js';
import type { Finished, Running } from './program.js';
import { PROGRAM, Workshop } from './program.js';

const NAME = '0x0000000200000001';
const OTHER = '0x0000000200000002';
const SIZE = 300_007;

let workshop: Workshop;
let out: string;
let dumps: string;

beforeEach(() => {
  workshop = new Workshop();
  out = workshop.path('out');
  dumps = workshop.path('dumps');
  for (const path of [out, dumps]) mkdirSync(path);
});

afterEach(() => workshop[Symbol.asyncDispose]());

/** A dump whose bytes suggest a name for it; an empty name: none. */
function putDump(tag: string, name: string, size = SIZE, about: object = {}): Buffer {
  const dump = Buffer.alloc(size, tag);
  if (name !== '') {
    dump.fill(0, 0, 64);
    dump.write('FILE    ', 0);
    dump.writeUInt16BE(64, 8);
    dump.writeUInt16BE(1, 0x14);
    dump.write(name, 0x18, 'latin1');
  }
  writeFileSync(join(dumps, `${tag}.json`), JSON.stringify(about));
  writeFileSync(join(dumps, tag), dump);
  return dump;
}

function mount(...args: string[]): Promise<Running> {
  return workshop.mount(`--sim-dir=${dumps}`, ...args);
}

function save(...args: string[]): Finished {
  return workshop.run('save', ...args);
}

function saved(name: string): Buffer {
  return readFileSync(join(out, name));
}

function isInFirmware(tag: string): boolean {
  return existsSync(join(dumps, tag));
}

describe('save', () => {
  test.each(['kernel', 'fuse-native'])(
    'copies under the suggested name, for its owner only, with the time of the dump, and removes, over %s',
    async (transport) => {
      const dump = putDump(NAME, 'SYSDUMP.10SIM00.00000001.20260520123816');
      const second = putDump(OTHER, '', 5_000_001);
      await mount(`--transport=${transport}`);
      const { mtimeMs } = statSync(join(workshop.mountpoint, NAME));
      const { status, stdout, stderr } = save('200000001', OTHER, out);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      const path = join(out, 'SYSDUMP.10SIM00.00000001.20260520123816');
      expect(stdout).toBe(
        `${NAME} saved as ${path}, ${SIZE} bytes\n${OTHER} saved as ${join(out, OTHER)}, 5000001 bytes\n`,
      );
      expect(readFileSync(path).equals(dump)).toBe(true);
      expect(saved(OTHER).equals(second)).toBe(true);
      expect(statSync(path).mode & 0o7777).toBe(0o600);
      expect(Math.abs(statSync(path).mtimeMs - mtimeMs)).toBeLessThan(1);
      expect(readdirSync(out)).toHaveLength(2);
      expect([isInFirmware(NAME), isInFirmware(OTHER)]).toEqual([true, true]);

      const again = save('--all', '--remove', out);
      expect(again).toMatchObject({ status: 0, stderr: '' });
      expect(again.stdout).toBe(
        `${NAME} was saved before as ${path}, ${SIZE} bytes\n${NAME} removed from firmware\n` +
          `${OTHER} was saved before as ${join(out, OTHER)}, 5000001 bytes\n${OTHER} removed from firmware\n`,
      );
      expect(readdirSync(workshop.mountpoint)).toEqual([]);
      expect([isInFirmware(NAME), isInFirmware(OTHER)]).toEqual([false, false]);
      expect(readdirSync(out)).toHaveLength(2);
    },
  );

  test('is what --unlink=saved asks for: to have read all of it is not enough', async () => {
    putDump(NAME, '');
    putDump(OTHER, '');
    await mount('--unlink=saved');
    const path = join(workshop.mountpoint, NAME);
    readFileSync(path);
    expect(() => rmSync(path)).toThrow('EBUSY');
    expect(save(NAME, out)).toMatchObject({ status: 0, stderr: '' });
    rmSync(path);
    expect(save('--remove', OTHER, out)).toMatchObject({ status: 0, stderr: '' });
    expect([isInFirmware(NAME), isInFirmware(OTHER)]).toEqual([false, false]);
  });

  test('Ctrl-C while firmware is slow ends it at once, by the signal, with nothing half', async () => {
    putDump(NAME, '', 20_000_000);
    const daemon = await mount('--sim-latency-us=5000');
    const saving = workshop.start('save', NAME, out);
    await until('copying', () => readdirSync(out).some((name) => statSync(join(out, name)).size > 0));
    const begun = performance.now();
    expect(await saving.stop('SIGINT')).toBe('SIGINT');
    expect(performance.now() - begun).toBeLessThan(15_000);
    expect(saving.stderr).toBe('platdumpfs: interrupted: what was not reported is not saved\n');
    expect(readdirSync(out)).toEqual([]);
    expect(isInFirmware(NAME)).toBe(true);
    expect(await daemon.stop('SIGTERM')).toBe(0);
  });

  test('a daemon that is killed meanwhile costs the copy, and is named', async () => {
    putDump(NAME, '', 20_000_000);
    putDump(OTHER, '');
    const daemon = await mount('--sim-latency-us=2000');
    const saving = workshop.start('save', '--all', out);
    await until('copying', () => readdirSync(out).some((name) => statSync(join(out, name)).size > 0));
    await daemon.stop('SIGKILL');
    expect(await saving.exit()).toBe(1);
    expect(saving.stderr).toBe(
      `platdumpfs: the daemon at ${workshop.mountpoint} has ended: the rest is not saved\n`,
    );
    expect(readdirSync(out)).toEqual([]);
  });
});

describe('save and names', () => {
  test('keeps other files: the tag is added to a name that is taken, and then a number', async () => {
    putDump(NAME, 'SYSDUMP.A');
    putDump(OTHER, 'SYSDUMP.A');
    writeFileSync(join(out, 'SYSDUMP.A'), 'precious');
    await mount();
    expect(save('--all', out).status).toBe(0);
    expect(saved('SYSDUMP.A').toString()).toBe('precious');
    expect(readdirSync(out).sort()).toEqual(['SYSDUMP.A', `SYSDUMP.A.${NAME}`, `SYSDUMP.A.${OTHER}`]);
    truncateSync(join(out, `SYSDUMP.A.${NAME}`), 5);
    expect(save(NAME, out).stdout).toBe(
      `${NAME} saved as ${join(out, `SYSDUMP.A.${NAME}.2`)}, ${SIZE} bytes\n`,
    );
    expect(save(NAME, out).stdout).toContain('was saved before');
    expect(statSync(join(out, `SYSDUMP.A.${NAME}`)).size).toBe(5);
    expect(readdirSync(out)).toHaveLength(4);
  });

  test('keeps every copy of a tag that comes back with another dump', async () => {
    await mount();
    const copies = [1, 2, 3].map((size) => {
      rmSync(`${join(dumps, NAME)}.invalidated`, { force: true });
      const dump = putDump(NAME, 'SYSDUMP.A', 1000 * size);
      // The name asks firmware, so that nothing has to notice the new dump.
      expect(save('--remove', NAME, out)).toMatchObject({ status: 0, stderr: '' });
      return dump;
    });
    const names = ['SYSDUMP.A', `SYSDUMP.A.${NAME}`, `SYSDUMP.A.${NAME}.2`];
    expect(readdirSync(out).sort()).toEqual(names);
    expect(names.map((name) => saved(name).equals(copies[names.indexOf(name)]!))).toEqual([true, true, true]);
  });

  test('makes whatever is suggested a plain name', async () => {
    const names = {
      '/etc/passwd': '_etc_passwd',
      '../../x': '_.._x',
      '..': '',
      '.hidden': 'hidden',
      '-rf': 'rf',
    };
    const odd = { 'a b\x1b[31m': 'a_b__31m', '\xe4': '_' };
    const rows = Object.entries({ ...names, ...odd }).map(([suggested, name], at) => {
      const tag = `0x000000020000010${at}`;
      putDump(tag, suggested, 4000);
      return name || tag;
    });
    await mount();
    expect(save('--all', out)).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(out).sort()).toEqual(rows.sort());
  });

  test('follows no link, and waits for no pipe, that has the name', async () => {
    putDump(NAME, 'A');
    putDump(OTHER, 'B');
    writeFileSync(workshop.path('victim'), 'precious');
    symlinkSync(workshop.path('victim'), join(out, 'A'));
    spawnSync('mkfifo', [join(out, 'B')]);
    await mount();
    expect(save('--all', out).status).toBe(0);
    expect(readFileSync(workshop.path('victim'), 'utf8')).toBe('precious');
    expect(readdirSync(out).sort()).toEqual(['A', `A.${NAME}`, 'B', `B.${OTHER}`]);
  });

  test('clears what a killed one of this machine left, and nothing of others', async () => {
    putDump(NAME, '');
    const ended = spawnSync('true').pid;
    const space = `${hostname()}-${/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0]}`;
    const dead = `.platdumpfs-${space}-${ended}-${OTHER}.part`;
    const alive = `.platdumpfs-${space}-${process.pid}-${OTHER}.part`;
    const elsewhere = `.platdumpfs-another.host-${ended}-${OTHER}.part`;
    for (const name of [dead, alive, elsewhere, 'x.part']) writeFileSync(join(out, name), 'half');
    await mount();
    expect(save(NAME, out).status).toBe(0);
    expect(readdirSync(out).sort()).toEqual([alive, elsewhere, NAME, 'x.part'].sort());
  });

  test('reports nothing, and removes nothing, where the copy was swapped before it had its name', async () => {
    putDump(NAME, '', 4_000_000);
    await mount('--sim-latency-us=500');
    const saving = workshop.start('save', '--remove', NAME, out);
    await until('copying', () => readdirSync(out).some((name) => name.endsWith('.part')));
    const [partial = ''] = readdirSync(out);
    renameSync(join(out, partial), join(out, 'hidden'));
    writeFileSync(join(out, partial), 'nothing of the dump');
    expect(await saving.exit()).toBe(1);
    expect(saving.stderr).toMatch(/is not saved: \S+ does not take it: another program put something else/);
    expect(readdirSync(out)).toEqual(['hidden']);
    expect(isInFirmware(NAME)).toBe(true);
  });
});

describe('save and a terminal that goes away', () => {
  beforeEach(async () => {
    putDump(NAME, '', 2_000_000);
    await mount('--sim-latency-us=1000');
  });

  test('ends by the signal, with nothing half', async () => {
    const saving = workshop.spawn(PROGRAM, 'save', NAME, out);
    await until('copying', () => readdirSync(out).some((name) => name.endsWith('.part')));
    expect(await saving.stop('SIGHUP')).toBe('SIGHUP');
    expect(readdirSync(out)).toEqual([]);
  });

  test.each([
    { how: 'nohup', command: ['nohup', PROGRAM] },
    { how: 'trap', command: ['sh', '-c', 'trap "" HUP; exec "$0" "$@"', PROGRAM] },
  ])('goes on under $how', async ({ command: [command = '', ...args] }) => {
    const saving = workshop.spawn(command, ...args, 'save', NAME, out);
    await until('copying', () => readdirSync(out).some((name) => name.endsWith('.part')));
    expect(await saving.stop('SIGHUP')).toBe(0);
    expect(readdirSync(out)).toEqual([NAME]);
  });
});

describe('save --checksum', () => {
  const digest = (dump: Buffer): string => createHash('sha256').update(dump).digest('hex');

  test('writes beside each copy what sha256sum -c takes, also beside one that was saved before', async () => {
    const dump = putDump(NAME, 'SYSDUMP.A');
    putDump(OTHER, '');
    await mount();
    expect(save(OTHER, out)).toMatchObject({ status: 0, stderr: '' });
    expect(save('--all', '--checksum', out)).toMatchObject({ status: 0, stderr: '' });
    expect(saved('SYSDUMP.A.sha256').toString()).toBe(`${digest(dump)}  SYSDUMP.A\n`);
    expect(statSync(join(out, 'SYSDUMP.A.sha256')).mode & 0o7777).toBe(0o600);
    const check = `cd ${out} && sha256sum --strict -c *.sha256`;
    expect(workshop.exec('sh', ['-c', check])).toMatchObject({
      status: 0,
      stdout: `${OTHER}: OK\nSYSDUMP.A: OK\n`,
    });
    expect(save('--all', '--checksum', '--remove', out)).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(out)).toHaveLength(4);
    truncateSync(join(out, 'SYSDUMP.A'), SIZE - 1);
    expect(workshop.exec('sh', ['-c', check]).status).toBe(1);
  });

  test('overwrites nothing: the dump is saved, its status says that something is left, and firmware keeps it', async () => {
    putDump(NAME, 'SYSDUMP.A');
    const other = putDump(OTHER, '');
    writeFileSync(workshop.path('victim'), 'precious');
    symlinkSync(workshop.path('victim'), join(out, 'SYSDUMP.A.sha256'));
    await mount();
    const { status, stderr } = save('--all', '--checksum', '--remove', out);
    expect(status).toBe(1);
    expect(stderr).toBe(
      `platdumpfs: ${NAME} is saved, but not its checksum: ${out} does not take it: ` +
        `${join(out, 'SYSDUMP.A.sha256')} is there and says something else\n`,
    );
    expect(readFileSync(workshop.path('victim'), 'utf8')).toBe('precious');
    expect(saved(`${OTHER}.sha256`).toString()).toBe(`${digest(other)}  ${OTHER}\n`);
    expect([isInFirmware(NAME), isInFirmware(OTHER)]).toEqual([true, false]);
    expect(readdirSync(out).sort()).toEqual([OTHER, `${OTHER}.sha256`, 'SYSDUMP.A', 'SYSDUMP.A.sha256']);
  });
});

describe('save for scripts', () => {
  test('prints an object per line for each dump that is saved, and for each that is removed', async () => {
    const dump = putDump(NAME, 'SYSDUMP.A');
    await mount();
    const { status, stdout } = save('--json', '--remove', NAME, out);
    expect(status).toBe(0);
    expect(
      stdout
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      {
        event: 'saved',
        tag: NAME,
        name: 'SYSDUMP.A',
        bytes: SIZE,
        sha256: createHash('sha256').update(dump).digest('hex'),
        isNew: true,
        path: join(out, 'SYSDUMP.A'),
      },
      { event: 'removed', tag: NAME },
    ]);
  });

  test('with --progress says now and then how far it is', async () => {
    putDump(NAME, 'SYSDUMP.A');
    await mount();
    const { status, stdout } = save('--json', '--progress', NAME, out);
    expect(status).toBe(0);
    const lines = stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { event: string; tag: string; done?: number; total?: number });
    expect(lines.map(({ event }) => event)).toEqual(expect.arrayContaining(['progress', 'saved']));
    expect(lines.at(-1)?.event).toBe('saved');
    for (const { event, tag, done = 0, total } of lines)
      if (event === 'progress') {
        expect(tag).toBe(NAME);
        expect(done).toBeGreaterThan(0);
        expect(total).toBe(SIZE);
      }
  });

  test('saves and removes where nobody can be told, and says so once', async () => {
    putDump(NAME, '');
    putDump(OTHER, '');
    await mount();
    const script = 'exec "$@" > /dev/full';
    const program = [process.execPath, PROGRAM, 'save', '--all', '--remove', out];
    const { status, stderr } = workshop.exec('sh', ['-c', script, 'sh', ...program]);
    expect(stderr).toMatch(/^platdumpfs: standard output cannot be written: ENOSPC[^\n]*\n$/);
    expect(status).toBe(1);
    expect(readdirSync(out)).toEqual([NAME, OTHER]);
    expect([isInFirmware(NAME), isInFirmware(OTHER)]).toEqual([false, false]);
  });
});

describe('save in trouble', () => {
  test('a read error costs that dump and no other', async () => {
    putDump(NAME, '', SIZE, { faults: [{ at: 200_000, status: -1, times: 'always' }] });
    const good = putDump(OTHER, '');
    await mount();
    const { status, stdout, stderr } = save('--all', '--remove', out);
    expect(status).toBe(1);
    expect(stdout).toContain(`${OTHER} removed from firmware`);
    expect(stderr).toBe(
      `platdumpfs: ${NAME} is not saved: firmware reported a hardware error (EIO); a later attempt may succeed\n`,
    );
    expect(readdirSync(out)).toEqual([OTHER]);
    expect(saved(OTHER).equals(good)).toBe(true);
    expect(isInFirmware(NAME)).toBe(true);
  });

  test('a dump that was announced too small is saved whole', async () => {
    const dump = putDump(NAME, '', SIZE, { announcedSize: 100_000 });
    await mount();
    expect(save(NAME, out)).toMatchObject({ status: 0, stderr: '' });
    expect(saved(NAME).equals(dump)).toBe(true);
  });

  test('a dump that is nowhere, and one that only firmware knows', async () => {
    putDump(NAME, '', SIZE, { announced: false });
    await mount();
    const { status, stdout, stderr } = save(OTHER, NAME, out);
    expect(status).toBe(1);
    expect(stdout).toBe(`${NAME} saved as ${join(out, NAME)}, ${SIZE} bytes\n`);
    expect(stderr).toBe(`platdumpfs: ${OTHER} is not saved: firmware has no such dump\n`);
  });

  test('what may not be removed is saved, and its status says that something is left', async () => {
    putDump(NAME, '');
    await mount('--unlink=never');
    const { status, stderr } = save('--remove', NAME, out);
    expect(status).toBe(1);
    expect(stderr).toMatch(`${NAME} is saved, but not removed: not permitted (EPERM)`);
    expect(readdirSync(out)).toEqual([NAME]);
  });

  test('lockdown in the middle leaves nothing, and status 4', async () => {
    const level = workshop.path('lockdown');
    writeFileSync(level, '[none] integrity confidentiality\n');
    putDump(NAME, '', 20_000_000);
    await mount(`--lockdown-file=${level}`, '--sim-latency-us=2000');
    const saving = workshop.start('save', NAME, out);
    await until('copying', () => readdirSync(out).some((name) => statSync(join(out, name)).size > 0));
    writeFileSync(level, 'none integrity [confidentiality]\n');
    expect(await saving.exit()).toBe(4);
    expect(saving.stderr).toMatch(/^platdumpfs: locked down[^\n]*\n$/);
    expect(readdirSync(out)).toEqual([]);
  });

  test.each([
    { args: [], status: 2, says: 'save needs a DIR' },
    { args: ['out'], status: 2, says: 'save needs a TAG before DIR, or --all' },
    { args: ['--all', '1', 'out'], status: 2, says: 'save takes TAGs or --all, not both' },
    { args: ['core', 'out'], status: 2, says: 'got "core"' },
    { args: ['1', 'out'], status: 1, says: 'no platdumpfs of this user runs' },
  ])('$args: $says', ({ args, status, says }) => {
    const finished = save(...args);
    expect(finished).toMatchObject({ status, stdout: '' });
    expect(finished.stderr).toContain(says);
  });

  test.each([
    { path: 'none', says: 'does not exist: create it with mkdir -p' },
    { path: 'file', says: 'is not a directory' },
  ])('DIR that $says', async ({ path, says }) => {
    writeFileSync(workshop.path('file'), '');
    putDump(NAME, '');
    await mount();
    const { status, stderr } = save(NAME, workshop.path(path));
    expect(status).toBe(1);
    expect(stderr).toBe(`platdumpfs: ${workshop.path(path)} ${says}\n`);
  });
});

describe('save to a small file system in memory', () => {
  beforeEach(() => {
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1M', 'none', out]);
  });
  afterEach(() => {
    spawnSync('umount', [out]);
  });

  test('asks firmware for nothing where the dump cannot fit, and saves those that do', async () => {
    putDump(NAME, '', 2_000_000);
    putDump(OTHER, '');
    const trace = workshop.path('trace');
    await mount(`--trace-rtas=${trace}`);
    const { status, stdout, stderr } = save('--all', out);
    expect(status).toBe(1);
    expect(stdout).toBe(`${OTHER} saved as ${join(out, OTHER)}, ${SIZE} bytes\n`);
    expect(stderr).toMatch(
      /^platdumpfs: 0x0{7}200000001 is not saved: no room in \S+: it takes 2000000 bytes, and 1048576 are free: 951424 are missing\n/,
    );
    expect(readFileSync(trace, 'utf8')).not.toContain(NAME);
    expect(readdirSync(out)).toEqual([OTHER]);
  });

  test('leaves nothing of a dump that turns out not to fit', async () => {
    putDump(NAME, '', 2_000_000, { announcedSize: 100_000 });
    await mount();
    const { status, stderr } = save('--remove', '--volatile', NAME, out);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /is not saved: no room in \S+: it takes 2000000 bytes, and 1048576 were taken: 951424 are missing \(ENOSPC\)\n$/,
    );
    expect(readdirSync(out)).toEqual([]);
    expect(isInFirmware(NAME)).toBe(true);
  });

  test('removes nothing from firmware whose copy ends with the machine, unless told so', async () => {
    putDump(NAME, '');
    await mount();
    const { status, stdout, stderr } = save('--remove', NAME, out);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^platdumpfs: \S+ is in memory: [^\n]*--volatile\n$/);
    expect(isInFirmware(NAME)).toBe(true);
    expect(save(NAME, out).status).toBe(0);
    expect(save('--remove', '--volatile', NAME, out).status).toBe(0);
    expect(isInFirmware(NAME)).toBe(false);
  });

  test('does not count for --unlink=saved, unless told so', async () => {
    putDump(NAME, '');
    await mount('--unlink=saved');
    const path = join(workshop.mountpoint, NAME);
    expect(save(NAME, out).status).toBe(0);
    expect(() => rmSync(path)).toThrow('EBUSY');
    expect(save('--volatile', NAME, out).status).toBe(0);
    rmSync(path);
    expect(isInFirmware(NAME)).toBe(false);
  });

  test('does not blame firmware for what the directory refuses', async () => {
    spawnSync('mount', ['-o', 'remount,ro', out]);
    putDump(NAME, '');
    await mount();
    const { status, stderr } = save(NAME, out);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^platdumpfs: \S+ is not saved: \S+ does not take it: EROFS: [^\n]*\n$/);
  });
});

test('save shows progress on a terminal only', async () => {
  putDump(NAME, '', 4_000_000);
  await mount('--sim-latency-us=1000');
  const command = [process.execPath, PROGRAM, 'save', NAME, out].join(' ');
  const { status, stdout } = workshop.exec('script', ['-qec', command, '/dev/null']);
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /\r0x0000000200000001 {2}\[[#.]{20}\] {2}\d+ % of 3\.8 MiB, [\d.]+ [KMG]?i?B\/s, \d:\d\d left/,
  );
  expect(stdout).toContain(`${NAME} saved as ${join(out, NAME)}, 4000000 bytes`);
});
