import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileDump } from '../support/expected-dump.js';
import { Mounted, TRANSPORTS } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';

const NAME = '0x0000000200000001';

interface Row {
  readonly what: string;
  readonly status: number;
  /** Part of the line that is printed. */
  readonly says: string | RegExp;
  /** Makes things bad. @returns options, and a mount point other than the usual one */
  readonly prepare: (mounted: Mounted) => {
    readonly options?: readonly string[];
    readonly mountpoint?: string;
  };
}

function sideFile(text: string): Row['prepare'] {
  return ({ simDir }) => {
    writeFileSync(join(simDir, NAME), 'dump');
    writeFileSync(join(simDir, `${NAME}.json`), text);
    return { options: [`--sim-dir=${simDir}`] };
  };
}

/** Without it, the log has to say first that nobody knows the level where these tests run in a container. */
function unlocked({ directory }: Mounted): string {
  const path = join(directory, 'unlocked');
  writeFileSync(path, '[none] integrity confidentiality\n');
  return `--lockdown-file=${path}`;
}

const ROWS: readonly Row[] = [
  {
    what: 'an unknown option',
    status: 2,
    says: '--frobnicate',
    prepare: () => ({ options: ['--frobnicate=1'] }),
  },
  {
    what: 'an unknown -o option',
    status: 2,
    says: 'frobnicate',
    prepare: () => ({ options: ['-o', 'frobnicate'] }),
  },
  { what: 'a bad tag', status: 2, says: '0xyz', prepare: () => ({ options: ['--sim-dump=0xyz:1M'] }) },
  {
    what: 'a tag of too many digits',
    status: 2,
    says: '00000000000000001',
    prepare: () => ({ options: ['--sim-dump=00000000000000001:1M'] }),
  },
  { what: 'a bad size', status: 2, says: '-5', prepare: () => ({ options: ['--sim-dump=1:-5'] }) },
  {
    what: 'a source of unknown name',
    status: 2,
    says: 'hmc',
    prepare: () => ({ options: ['--source=hmc'] }),
  },
  {
    what: 'a firmware interface that is not there',
    status: 3,
    says: '/dev/papr-platform-dump does not exist',
    prepare: () => ({ options: ['--source=papr'] }),
  },
  {
    what: 'lockdown at confidentiality',
    status: 4,
    says: 'kernel lockdown is at confidentiality',
    prepare: ({ directory }) => {
      writeFileSync(join(directory, 'level'), 'none integrity [confidentiality]\n');
      return { options: [`--lockdown-file=${join(directory, 'level')}`] };
    },
  },
  {
    what: 'a lockdown file that says nothing of the kind',
    status: 4,
    // Not what the file says: the option may have been led to somebody's secret.
    says: /level: it says no lockdown level\n$/,
    prepare: ({ directory }) => {
      writeFileSync(join(directory, 'level'), 'something else\n');
      return { options: [`--lockdown-file=${join(directory, 'level')}`] };
    },
  },
  {
    what: 'a lockdown file that does not exist',
    status: 1,
    says: 'level" does not exist',
    prepare: ({ directory }) => ({ options: [`--lockdown-file=${join(directory, 'level')}`] }),
  },
  {
    what: 'dumps that the mount itself would hide',
    status: 2,
    says: 'would be hidden by the mount',
    prepare: ({ mountpoint }) => ({ options: [`--sim-dir=${mountpoint}`] }),
  },
  {
    what: 'a trace file that cannot be written',
    status: 1,
    says: '/none/trace',
    prepare: ({ directory }) => ({ options: [`--trace-rtas=${join(directory, 'none/trace')}`] }),
  },
  {
    what: 'a mount point that is a file',
    status: 5,
    says: 'is not a directory',
    prepare: ({ directory }) => {
      writeFileSync(join(directory, 'file'), '');
      return { mountpoint: join(directory, 'file') };
    },
  },
  {
    what: 'a mount point that is missing',
    status: 5,
    says: 'does not exist: create it with mkdir -p',
    prepare: ({ directory }) => ({ mountpoint: join(directory, 'missing') }),
  },
  {
    what: 'a side file that is no JSON',
    status: 1,
    says: `${NAME}.json: not JSON`,
    prepare: sideFile('{"chunk":'),
  },
  {
    what: 'a side file with a misspelt key',
    status: 1,
    says: '"chunks"',
    prepare: sideFile('{"chunks": 1}'),
  },
  {
    what: 'a side file with a bad value',
    status: 1,
    says: 'announcedSize',
    prepare: sideFile('{"announcedSize": -1}'),
  },
  {
    what: 'a side file that cannot be read',
    status: 1,
    says: `${NAME}.json: cannot be read`,
    prepare: ({ simDir }) => {
      writeFileSync(join(simDir, NAME), 'dump');
      // Reading address 0 of a process fails for everybody, root included.
      symlinkSync('/proc/self/mem', join(simDir, `${NAME}.json`));
      return { options: [`--sim-dir=${simDir}`] };
    },
  },
  {
    what: 'a directory of dumps that is missing',
    status: 1,
    says: 'cannot read the directory of simulated dumps',
    prepare: ({ directory }) => ({ options: [`--sim-dir=${join(directory, 'missing')}`] }),
  },
];

describe('mount fails in one line', () => {
  test.each(ROWS)('$what: status $status', async ({ status, says, prepare }) => {
    await using mounted = new Mounted(TRANSPORTS[0]!);
    const { options = [], mountpoint = mounted.mountpoint } = prepare(mounted);
    const files = readdirSync(mounted.simDir);
    const level = options.some((option) => option.startsWith('--lockdown-file=')) ? [] : [unlocked(mounted)];
    const command = mounted.command(...level, ...options).with(-1, mountpoint);
    const result = await runTool(process.execPath, command);
    expect(result.stderr).toMatch(/^platdumpfs: [^\n]+\n$/);
    expect(result.stderr).toMatch(says);
    expect(result).toMatchObject({ status, stdout: '' });
    expect(mounted.mounts).toBe(0);
    expect(readdirSync(mounted.simDir)).toEqual(files);
  });
});

describe.each(TRANSPORTS)('mount over $transport', (cell) => {
  test('/dev/fuse is missing: status 5', async () => {
    await using mounted = new Mounted(cell);
    const dev = join(mounted.directory, 'dev');
    mkdirSync(dev);
    await mustRun('mknod', ['-m', '666', join(dev, 'null'), 'c', '1', '3']);
    const script = 'mount --bind "$0" /dev && exec "$@"';
    const { status, stderr } = await runTool('unshare', [
      ...['--mount', '--propagation=private', 'sh', '-c', script, dev],
      ...[process.execPath, ...mounted.command('--log-level=error')],
    ]);
    // libfuse has a line of its own to say.
    expect(stderr.replace(/^fuse: .*\n/, '')).toMatch(/^platdumpfs: [^\n]*\/dev\/fuse[^\n]*\n$/);
    expect(status).toBe(5);
    expect(mounted.mounts).toBe(0);
  });

  test('a second mount at the same place: status 5, and the first goes on', async () => {
    await using mounted = new Mounted(cell);
    const dump = fileDump(mounted.simDir, BigInt(NAME), 1000);
    await mounted.start(`--sim-dir=${mounted.simDir}`);
    const second = await runTool(process.execPath, mounted.command('--log-level=error'));
    expect(second.stderr).toMatch(/^platdumpfs: platdumpfs is already mounted at [^\n]+\n$/);
    expect(second.status).toBe(5);
    expect(mounted.mounts).toBe(1);
    expect((await mustRun('ls', [mounted.mountpoint])).stdout).toBe(`${dump.name}\n`);
  });

  test('a side file that goes bad while mounted: the dump is not listed, one line says why, the others stay', async () => {
    await using mounted = new Mounted(cell);
    const good = fileDump(mounted.simDir, BigInt(NAME), 1000);
    await mounted.start(`--sim-dir=${mounted.simDir}`);
    fileDump(mounted.simDir, BigInt(NAME) + 1n, 1000, { announcedSize: 'big' });
    const line = await mounted.daemon.said('a simulated dump is not listed');
    expect(line['reason']).toContain('announcedSize');
    expect((await mustRun('ls', [mounted.mountpoint])).stdout).toBe(`${good.name}\n`);
  });
});
