import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Finished } from './program.js';
import { PROGRAM, Workshop } from './program.js';

const TAG = '0x0000000000000001';

let workshop: Workshop;

beforeEach(() => {
  workshop = new Workshop();
});

afterEach(() => workshop[Symbol.asyncDispose]());

/** Looks from another process: the mount's daemon is not ours, but a hang must not be either. */
function names(): string[] {
  return workshop
    .exec('ls', [workshop.mountpoint])
    .stdout.split('\n')
    .filter((name) => name !== '');
}

describe('mount in the foreground', () => {
  test('says when it is ready, and where, from what and how', async () => {
    const daemon = await workshop.mount('--sim-dump=1:64K');
    expect(daemon.stderr).toMatch(
      /info: mounted mountpoint=\S+\/mnt source=sim transport=(kernel|fuse-native)\n/,
    );
    expect(names()).toEqual([TAG]);
  });

  test('a terminal that goes away does not end it, nor SIGUSR2', async () => {
    const daemon = await workshop.mount('--sim-dump=1:64K');
    for (const signal of ['SIGHUP', 'SIGUSR2'] as const) daemon.child.kill(signal);
    // A signal is delivered before anything that is asked for after it.
    expect(workshop.run('list').status).toBe(0);
    expect(names()).toEqual([TAG]);
    expect(await daemon.stop('SIGTERM')).toBe(0);
  });

  test('platdumpfs umount ends it, through a symbolic link as well', async () => {
    symlinkSync(workshop.mountpoint, workshop.path('link'));
    const daemon = await workshop.mount('--sim-dump=1:64K');
    expect(workshop.run('umount', workshop.path('link'))).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(await daemon.exit()).toBe(0);
  });

  test('platdumpfs umount clears a mount that a killed daemon left', async () => {
    const killed = await workshop.mount('--sim-dump=1:64K');
    await killed.stop('SIGKILL');
    expect(workshop.run('umount', workshop.mountpoint).status).toBe(0);
    expect(workshop.mounts).toBe(0);
  });

  test('the options of the mount table and the permissions are as documented', async () => {
    await workshop.mount('--sim-dump=1:64K', '-o', 'noexec,uid=7,gid=8,umask=0227');
    const { stdout } = workshop.exec('findmnt', ['-n', '-o', 'SOURCE,FSTYPE,OPTIONS', workshop.mountpoint]);
    expect(stdout).toMatch(/^sim +fuse\.platdumpfs +rw,nosuid,nodev,noexec.*default_permissions/);
    const { uid, gid, mode } = statSync(join(workshop.mountpoint, TAG));
    expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: 7, gid: 8, mode: 0o440 });
  });
});

describe('a busy mount', () => {
  async function holder(): Promise<() => void> {
    const child = spawn('sh', ['-c', 'echo; read line'], {
      cwd: workshop.mountpoint,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    return () => child.stdin.end();
  }

  test('is detached after --unmount-timeout, and the log says who held it', async () => {
    const daemon = await workshop.mount('--sim-dump=1:64K', '--unmount-timeout=0.2');
    const release = await holder();
    try {
      await daemon.stop('SIGTERM');
      expect(daemon.stderr).toMatch(/warn: the mount is still busy and is detached now .*heldBy="?sh/);
      expect(workshop.mounts).toBe(0);
    } finally {
      release();
    }
  });

  test('is detached at once by a second signal', async () => {
    const daemon = await workshop.mount('--sim-dump=1:64K', '--unmount-timeout=3600');
    const release = await holder();
    try {
      daemon.child.kill('SIGINT');
      await daemon.said('info: stopping');
      await new Promise((resolve) => setTimeout(resolve, 300));
      await daemon.stop('SIGINT');
      expect(workshop.mounts).toBe(0);
    } finally {
      release();
    }
  });
});

test('says that nobody else sees a mount that was made in a mount namespace of its own', async () => {
  const command = ['-m', process.execPath, PROGRAM, 'mount', 'sim', workshop.mountpoint, '--log-format=text'];
  const daemon = workshop.spawn('unshare', ...command);
  await daemon.said('warn: the mount is seen in the mount namespace of this process only');
  expect(workshop.mounts).toBe(0);
  expect(await daemon.stop('SIGTERM')).toBe(0);
});

describe('mount in the background', () => {
  test('returns when the mount is usable, lets go of its output, and works in /', () => {
    const { status, stdout, stderr } = workshop.run(
      ...['mount', 'sim', workshop.mountpoint, '--daemon', '--sim-dump=1:64K', '--log-format=text'],
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toContain('info: mounted');
    expect(names()).toEqual([TAG]);
    const [pid] = workshop.daemons;
    expect(workshop.exec('readlink', [`/proc/${pid}/cwd`]).stdout).toBe('/\n');
    const session = workshop.exec('ps', ['-o', 'sid=', '-p', String(pid)]).stdout.trim();
    expect(Number(session)).toBe(pid);
  });

  test('umount ends the daemon', async () => {
    workshop.run('mount', 'sim', workshop.mountpoint, '--daemon');
    expect(workshop.daemons).toHaveLength(1);
    expect(workshop.run('umount', workshop.mountpoint).status).toBe(0);
    await expect.poll(() => workshop.daemons, { timeout: 5000 }).toEqual([]);
  });

  // systemd lets that group alone past an automount.
  test('mount(8) runs in the process group of whoever was told to mount', () => {
    const seen = workshop.path('seen');
    const spy = `#!/bin/sh\nps -o pgid= -p $$ > '${seen}'\nexec /bin/mount "$@"\n`;
    mkdirSync(workshop.path('bin'));
    writeFileSync(workshop.path('bin/mount'), spy, { mode: 0o700 });
    const script = 'set -m; "$0" "$1" mount sim "$2" --daemon --sim-dump=1:64K & echo $!; wait $!';
    const { status, stdout } = workshop.exec(
      'bash',
      ['-c', script, process.execPath, PROGRAM, workshop.mountpoint],
      { PATH: `${workshop.path('bin')}:${process.env['PATH']}` },
    );
    expect(status).toBe(0);
    expect(names()).toEqual([TAG]);
    expect(readFileSync(seen, 'utf8').trim()).toBe(stdout.trim());
  });

  test('a mount that cannot be made is reported by the daemon that waits for it', () => {
    mkdirSync(workshop.path('bin'));
    writeFileSync(workshop.path('bin/mount'), '#!/bin/sh\necho "mount: no luck" >&2; exit 32\n', {
      mode: 0o700,
    });
    const { status, stderr } = workshop.exec(
      process.execPath,
      [PROGRAM, 'mount', 'sim', workshop.mountpoint, '--daemon', '--log-level=error'],
      { PATH: `${workshop.path('bin')}:${process.env['PATH']}` },
    );
    expect(stderr).toMatch(/^platdumpfs: cannot mount at [^\n]+: mount: no luck\n$/);
    expect(status).toBe(5);
    expect(workshop.daemons).toEqual([]);
  });

  test('a failure is reported with its line and status', () => {
    const result = workshop.run('mount', 'sim', workshop.path('none'), '--daemon', '--log-level=error');
    expect(result.stderr).toMatch(/^platdumpfs: mount point [^\n]+ does not exist[^\n]+\n$/);
    expect(result.status).toBe(5);
    expect(workshop.daemons).toEqual([]);
  });

  test('an interrupted start leaves neither mount nor daemon', async () => {
    const parent = workshop.start('mount', 'sim', workshop.mountpoint, '--daemon', '--log-level=error');
    await expect.poll(() => workshop.daemons.length, { timeout: 5000, interval: 5 }).toBe(2);
    expect(await parent.stop('SIGINT')).toBe(130);
    expect(workshop.daemons).toEqual([]);
    expect(workshop.mounts).toBe(0);
  });

  test('keeps neither a shell substitution nor a pipe waiting', () => {
    const script = 'out=$("$0" "$1" sim "$2" -o sim-dump=1:64K 2>&1); echo "rc=$?"';
    const { stdout } = workshop.exec('bash', ['-c', script, process.execPath, PROGRAM, workshop.mountpoint]);
    expect(stdout).toBe('rc=0\n');
    expect(names()).toEqual([TAG]);
  });

  // mount(8) clears PATH, so a program that is not installed is named by its path: type#source, as mount.fuse has it.
  test('mount(8) has it as a helper of type fuse, options of fstab included', () => {
    const wrapper = workshop.path('wrapper');
    writeFileSync(wrapper, `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`, { mode: 0o700 });
    const options = 'rw,noauto,_netdev,x-systemd.automount,nofail,sim_dump=1:64K';
    const { status } = workshop.exec('mount', [
      ...['-t', 'fuse', '-o', options, `${wrapper}#sim`, workshop.mountpoint],
    ]);
    expect(status).toBe(0);
    expect(names()).toEqual([TAG]);
    expect(workshop.exec('umount', [workshop.mountpoint]).status).toBe(0);
  });

  test('a FUSE device that is mounted already reaches the daemon under its number', () => {
    const script = [
      'exec 5<>/dev/fuse',
      'options=fd=5,rootmode=40000,user_id=0,group_id=0,default_permissions',
      'mount -i -t fuse.platdumpfs -o $options sim "$2" && "$0" "$1" sim /dev/fd/5 -o sim_dump=1:64K',
    ].join('\n');
    const { status } = workshop.exec('bash', ['-c', script, process.execPath, PROGRAM, workshop.mountpoint]);
    expect(status).toBe(0);
    expect(names()).toEqual([TAG]);
    expect(JSON.parse(workshop.run('list', '--json').stdout)).toMatchObject([{ tag: TAG }]);
  });
});

describe('mount.platdumpfs', () => {
  /** As mount(8) calls it. */
  function helper(...args: string[]): Finished {
    const link = workshop.path('mount.platdumpfs');
    if (!existsSync(link)) symlinkSync(PROGRAM, link);
    return workshop.exec(process.execPath, [link, 'none', workshop.mountpoint, ...args]);
  }

  test('-f does everything but the mount', () => {
    expect(helper('-f', '-o', 'rw,source=sim')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(workshop.mounts).toBe(0);
    expect(helper('-f', '-o', 'rw,bogus').status).toBe(2);
  });

  test('-s passes over words that nobody knows; -n and -v change nothing', () => {
    const { status } = helper('-snv', '-o', 'rw,source=sim,sim_dump=1:64K,bogus,other=1');
    expect(status).toBe(0);
    expect(names()).toEqual([TAG]);
  });

  test('remount,ro keeps dumps from being removed until remount,rw', () => {
    expect(helper('-o', 'rw,source=sim,sim_dump=1:64K').status).toBe(0);
    const file = join(workshop.mountpoint, TAG);
    const remove = (): string => workshop.exec('sh', ['-c', 'cat "$0" > /dev/null; rm "$0"', file]).stderr;
    // With what fstab says, as mount(8) passes it.
    expect(helper('-o', 'remount,ro,source=sim,sim_dump=1:64K')).toMatchObject({ status: 0, stderr: '' });
    expect(remove()).toContain('Read-only file system');
    expect(names()).toEqual([TAG]);
    expect(helper('-o', 'remount,rw').status).toBe(0);
    expect(remove()).toBe('');
    expect(names()).toEqual([]);
  });

  test('remount where nothing is mounted is a line and status 5', () => {
    const { status, stderr } = helper('-o', 'remount,ro');
    expect(stderr).toMatch(/^platdumpfs: cannot remount [^\n]+: no platdumpfs is mounted there\n$/);
    expect(status).toBe(5);
  });
});
