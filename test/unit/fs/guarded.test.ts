import { describe, expect, test, vi } from 'vitest';
import { FsError } from '../../../src/base/errno.js';
import { Listeners } from '../../../src/base/listeners.js';
import { silentLogger } from '../../../src/base/log.js';
import type { PinnedBytes } from '../../../src/base/pinned-bytes.js';
import { tagName } from '../../../src/base/tag.js';
import type { DumpStore, StoreEvent } from '../../../src/dump/index.js';
import type { KernelCacheChange } from '../../../src/fs/index.js';
import { GuardedFilesystem, ROOT_INO, Volume } from '../../../src/fs/index.js';
import { context, errnoOf } from '../../support/bare.js';
import { deferred } from '../../support/deferred.js';
import type { FakeDump } from './support/fake-dump.js';
import { fakeDump } from './support/fake-dump.js';

const READ = 4;
const SIZE = { bytes: 8192, origin: 'source', exact: true } as const;

/** One listed dump whose bytes come when the test says so, and a gate that closes when it says so. */
class Scene {
  isLocked = false;
  /** Looks that find the gate open still. */
  looksLeft = Infinity;
  readonly dump;
  readonly name: string;
  readonly volume: Volume;
  readonly fs: GuardedFilesystem;
  readonly read = vi.fn<() => PinnedBytes | Promise<PinnedBytes>>(() => this.bytes);
  readonly disposed = vi.fn();
  readonly bytes: PinnedBytes = {
    length: 4,
    segments: [Buffer.from('dump')],
    delivered: () => undefined,
    [Symbol.dispose]: this.disposed,
  };
  readonly probe = vi.fn<DumpStore['probe']>(() => Promise.resolve(undefined));
  readonly remove = vi.fn<DumpStore['remove']>(() => Promise.resolve());

  constructor(facts: Partial<FakeDump> = {}, isListed = true) {
    this.dump = Object.assign(fakeDump(1, { size: SIZE, isDelivered: true, ...facts }), { read: this.read });
    this.name = tagName(this.dump.tag);
    const { dump, probe, remove } = this;
    const store = {
      events: new Listeners<StoreEvent>(),
      source: { name: 'sim' },
      dumps: () => [dump],
      find: () => (isListed ? dump : undefined),
      probe,
      remove,
    };
    this.volume = new Volume({
      // The class has private fields, so nothing but its instances is one for the compiler.
      store: store as unknown as DumpStore,
      uid: 0,
      gid: 0,
      umask: 0,
      unlinkPolicy: 'delivered',
      readOnly: false,
      log: silentLogger,
    });
    this.fs = new GuardedFilesystem(this.volume, { locked: () => this.isLocked || this.looksLeft-- <= 0 });
  }

  async lookup(): Promise<number> {
    return (await this.fs.lookup(ROOT_INO, this.name, context())).attributes.ino;
  }
}

/** What answers about one file, however it is asked. */
const ABOUT_A_FILE: Record<string, (scene: Scene, ino: number) => unknown> = {
  getattr: ({ fs }, ino) => fs.getattr(ino, context()),
  access: ({ fs }, ino) => fs.access(ino, READ, context()),
  open: ({ fs }, ino) => fs.open(ino, 0, context()),
  getxattr: ({ fs }, ino) => fs.getxattr(ino, 'user.platdump.tag', context()),
  listxattr: ({ fs }, ino) => fs.listxattr(ino),
};

describe.each(Object.entries(ABOUT_A_FILE))('%s', (_name, ask) => {
  test('answers while the gate is open', async () => {
    const scene = new Scene();
    const ino = await scene.lookup();
    expect(await errnoOf(() => ask(scene, ino))).toBeUndefined();
  });

  test('of a file that nobody has open is ENOENT behind the gate, of another one EPERM', async () => {
    const scene = new Scene();
    const ino = await scene.lookup();
    scene.isLocked = true;
    expect(await errnoOf(() => ask(scene, ino))).toBe('ENOENT');
    expect(await errnoOf(() => ask(scene, ino + 1)), 'one that is not known').toBe('ENOENT');
    scene.isLocked = false;
    scene.fs.open(ino, 0, context());
    scene.isLocked = true;
    expect(await errnoOf(() => ask(scene, ino))).toBe('EPERM');
  });
});

describe('what may be waited for is looked at again before it is answered', () => {
  test.each(['getattr', 'getxattr'])('%s', async (name) => {
    const scene = new Scene();
    const ino = await scene.lookup();
    scene.looksLeft = 1;
    expect(await errnoOf(() => ABOUT_A_FILE[name]!(scene, ino))).toBe('EPERM');
  });

  test.each([
    { rises: false, errno: 'EIO' },
    { rises: true, errno: 'EPERM' },
  ])('a failure is one at lockdown as well: $errno', async ({ rises, errno }) => {
    const directory = deferred<never>();
    const scene = new Scene({ readDirectory: () => directory.promise });
    const ino = await scene.lookup();
    const asked = errnoOf(() => scene.fs.getxattr(ino, 'user.platdump.name', context()));
    scene.isLocked = rises;
    directory.reject(new FsError('EIO', 'firmware failed'));
    expect(await asked).toBe(errno);
  });

  test('a name, and nothing is kept of it', async () => {
    const scene = new Scene();
    scene.looksLeft = 1;
    expect(await errnoOf(() => scene.lookup())).toBe('ENOENT');
    expect(scene.volume.inodes.counts).toEqual({ inodes: 0, handles: 0 });
  });

  test('a name that firmware cannot be asked for', async () => {
    const scene = new Scene({}, false);
    scene.probe.mockRejectedValue(new FsError('EIO', 'firmware failed'));
    expect(await errnoOf(() => scene.lookup())).toBe('EIO');
    scene.looksLeft = 1;
    expect(await errnoOf(() => scene.lookup())).toBe('ENOENT');
  });
});

describe('lookup behind the gate', () => {
  test('finds no name, and asks nobody', async () => {
    const scene = new Scene({}, false);
    scene.isLocked = true;
    expect(await errnoOf(() => scene.lookup())).toBe('ENOENT');
    expect(scene.probe).not.toHaveBeenCalled();
  });

  test('finds the directory itself by both of its names, and no inode', async () => {
    const scene = new Scene();
    const ino = await scene.lookup();
    expect((await scene.fs.lookup(ino, '.', context())).attributes.ino).toBe(ino);
    scene.isLocked = true;
    for (const [parent, name] of [
      [ROOT_INO, '.'],
      [ROOT_INO, '..'],
      [ino, '..'],
    ] as const)
      expect((await scene.fs.lookup(parent, name, context())).attributes.ino).toBe(ROOT_INO);
    await expect(scene.fs.lookup(ino, '.', context())).rejects.toMatchObject({
      code: 'ESTALE',
      severity: 'debug',
    });
  });
});

describe('read', () => {
  async function opened(): Promise<{ scene: Scene; read: () => unknown }> {
    const scene = new Scene();
    const fh = scene.fs.open(await scene.lookup(), 0, context());
    return { scene, read: () => scene.fs.read(fh, 0, 4, context()) };
  }

  test('gives bytes at once, or later', async () => {
    const { scene, read } = await opened();
    expect(read()).toBe(scene.bytes);
    scene.read.mockReturnValue(Promise.resolve(scene.bytes));
    expect(await read()).toBe(scene.bytes);
    expect(scene.disposed).not.toHaveBeenCalled();
  });

  test('behind the gate is EPERM, quietly, and asks nobody', async () => {
    const { scene, read } = await opened();
    scene.isLocked = true;
    expect(read).toThrow(expect.objectContaining({ code: 'EPERM', severity: 'debug' }));
    expect(scene.read).not.toHaveBeenCalled();
  });

  test.each([
    { isDirect: undefined, tells: true },
    { isDirect: false, tells: true },
    { isDirect: true, tells: false },
  ])(
    'that ends early tells the kernel where the dump ends: $tells, past its pages: $isDirect',
    async (row) => {
      const scene = new Scene();
      const ino = await scene.lookup();
      const tell = vi.spyOn(scene.volume.inodes.get(ino)!.told, 'tell');
      await scene.fs.read(scene.fs.open(ino, 0, context()), 0, 5, context(), row.isDirect);
      expect(tell.mock.calls.length > 0).toBe(row.tells);
    },
  );

  test.each([{ when: 'at once' }, { when: 'later' }])('gives no bytes that come $when', async ({ when }) => {
    const { scene, read } = await opened();
    if (when === 'later') scene.read.mockReturnValue(Promise.resolve(scene.bytes));
    scene.looksLeft = 1;
    expect(await errnoOf(read)).toBe('EPERM');
    expect(scene.disposed, 'given back').toHaveBeenCalledOnce();
  });
});

test('behind the gate there is nothing in the directory, and nothing to remove', async () => {
  const scene = new Scene();
  const ino = await scene.lookup();
  const { fs, name } = scene;
  expect([...fs.readdir(0)]).toHaveLength(3);
  expect(fs.entryOf(ino, context())?.attributes.ino).toBe(ino);
  expect(fs.statfs()).toEqual({ blockSize: 4096, blocks: 2, files: 1, nameMax: 255 });
  scene.isLocked = true;
  expect([...fs.readdir(0)]).toEqual([]);
  expect(fs.entryOf(ino, context())).toBeUndefined();
  expect(fs.statfs()).toEqual({ blockSize: 4096, blocks: 0, files: 0, nameMax: 255 });
  expect(await errnoOf(() => fs.unlink(ROOT_INO, name, context()))).toBe('ENOENT');
  expect(scene.remove).not.toHaveBeenCalled();
  expect((await fs.getattr(ROOT_INO, context())).ino, 'but the directory itself').toBe(ROOT_INO);
  fs.access(ROOT_INO, READ, context());
  fs.opendir(ROOT_INO, context());
});

test('while the gate is open a dump can be removed', async () => {
  const scene = new Scene();
  await scene.fs.unlink(ROOT_INO, scene.name, context());
  expect(scene.remove).toHaveBeenCalledOnce();
});

test('only the directory can be opened as one', () => {
  const { fs } = new Scene();
  expect(() => fs.opendir(ROOT_INO + 1, context())).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
});

test('the kernel forgets and closes behind the gate as well', async () => {
  const scene = new Scene();
  const ino = await scene.lookup();
  const fh = scene.fs.open(ino, 0, context());
  scene.isLocked = true;
  scene.fs.release(fh);
  scene.fs.forget(ino, 1);
  expect(scene.volume.inodes.counts).toEqual({ inodes: 0, handles: 0 });
});

test('whoever subscribes hears what the kernel has to drop', () => {
  const scene = new Scene();
  const heard: KernelCacheChange[] = [];
  const end = scene.fs.onKernelCacheChange((change) => heard.push(change));
  scene.volume.dropPages();
  end();
  scene.volume.dropPages();
  expect(heard).toEqual([{ kind: 'all pages', open: [], others: [] }]);
});

test('what writes is refused', () => {
  expect(new Scene().fs.refuse('mkdir')).toMatchObject({ code: 'EPERM' });
});
