import { describe, expect, test, vi } from 'vitest';
import { FsError } from '../../../src/base/errno.js';
import { silentLogger } from '../../../src/base/log.js';
import { tagName } from '../../../src/base/tag.js';
import type { Dump, DumpStore } from '../../../src/dump/index.js';
import type { UnlinkPolicy } from '../../../src/fs/index.js';
import { Removal } from '../../../src/fs/removal.js';
import { errnoOf } from '../../support/bare.js';
import type { Deferred } from '../../support/deferred.js';
import { deferred } from '../../support/deferred.js';
import type { FakeDump } from './support/fake-dump.js';
import { fakeDump } from './support/fake-dump.js';

const DELIVERED: Partial<FakeDump> = {
  isDelivered: true,
  delivered: 10,
  size: { bytes: 10, origin: 'source', exact: true },
};
const TAG = tagName(fakeDump(1).tag);
const NEVER = new AbortController().signal;

/** One dump, and firmware that answers when the test says so. */
class Scene {
  readonly log = { info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  readonly answer: Deferred<void> = deferred();
  readonly remove = vi.fn<DumpStore['remove']>(() => this.answer.promise);
  readonly hide = vi.fn((dump: Dump) => void (dump.removal = 'accepted'));
  readonly unlinked: Dump[] = [];
  readonly dump: Dump & FakeDump;
  readonly removal: Removal;

  constructor(facts: Partial<FakeDump> = DELIVERED, policy: UnlinkPolicy = 'delivered') {
    this.dump = fakeDump(1, facts);
    const { remove, hide, unlinked } = this;
    const store = { remove, hide, unlinked: () => unlinked };
    this.removal = new Removal(store, policy, { ...silentLogger, ...this.log });
  }

  unlink(signal = NEVER): Promise<void> {
    return this.removal.unlink(this.dump, signal);
  }

  /** The last reader of a dump that was unlinked closes it. */
  close(): void {
    this.dump.removal = 'accepted';
    this.removal.onHandleClosed(this.dump);
  }

  /** Firmware fails, for this reason. */
  fail(lost?: Dump['lost']): Promise<void> {
    this.dump.lost = lost;
    this.answer.reject(new FsError('EIO', 'firmware failed'));
    return settled();
  }
}

/** All that is settled by now has been answered. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function lines(said: ReturnType<typeof vi.fn>): unknown[] {
  return said.mock.calls;
}

describe('unlink', () => {
  test.each([
    { when: 'never', policy: 'never', facts: DELIVERED, errno: 'EPERM', why: 'switched off' },
    { when: 'not delivered', policy: 'delivered', facts: {}, errno: 'EBUSY', why: 'not every byte' },
    {
      when: 'saved, not delivered',
      policy: 'saved',
      facts: { isSaved: true },
      errno: 'EBUSY',
      why: 'not every',
    },
    { when: 'not saved', policy: 'saved', facts: DELIVERED, errno: 'EBUSY', why: 'no copy' },
    {
      when: 'accepted before',
      policy: 'force',
      facts: { ...DELIVERED, removal: 'accepted' },
      errno: 'EBUSY',
      why: 'being removed already',
    },
    {
      when: 'under way',
      policy: 'force',
      facts: { ...DELIVERED, removal: 'told' },
      errno: 'EBUSY',
      why: 'being removed already',
    },
  ] as const)('is refused, and firmware is not told: $when', async ({ policy, facts, errno, why }) => {
    const scene = new Scene({ ...facts, openHandles: 1 }, policy);
    await expect(scene.unlink()).rejects.toMatchObject({
      code: errno,
      message: expect.stringContaining(why) as string,
      fields: { tag: TAG, delivered: scene.dump.delivered, size: scene.dump.size?.bytes },
    });
    expect(scene.remove).not.toHaveBeenCalled();
    expect(scene.hide).not.toHaveBeenCalled();
  });

  test.each([
    { policy: 'delivered', facts: DELIVERED, isForced: false },
    { policy: 'saved', facts: { ...DELIVERED, isSaved: true }, isForced: false },
    { policy: 'force', facts: {}, isForced: true },
  ] as const)('is done, with policy $policy', async ({ policy, facts, isForced }) => {
    const scene = new Scene(facts, policy);
    const done = scene.unlink();
    scene.answer.resolve();
    await done;
    expect(scene.remove.mock.calls).toEqual([[scene.dump, isForced]]);
    expect(scene.hide).not.toHaveBeenCalled();
  });

  test('of an open dump takes the name, and firmware is not told', async () => {
    const scene = new Scene({ ...DELIVERED, openHandles: 1 });
    await scene.unlink();
    expect(scene.hide.mock.calls).toEqual([[scene.dump]]);
    expect(scene.remove).not.toHaveBeenCalled();
    expect(lines(scene.log.info)).toEqual([[expect.stringContaining('while open'), { tag: TAG }]]);
  });

  test.each([
    { lost: 'replaced', code: 'EIO', expected: { code: 'EBUSY', severity: 'warn', fields: { tag: TAG } } },
    { lost: 'mixed', code: 'EIO', expected: { code: 'EBUSY', severity: 'warn', fields: { tag: TAG } } },
    { lost: 'gone', code: 'ESTALE', expected: { code: 'ENOENT', severity: 'debug', fields: { status: 7 } } },
    { lost: undefined, code: 'EIO', expected: { code: 'EIO', severity: 'warn', fields: { status: 7 } } },
  ] as const)('that fails with $code of a dump that is $lost: $expected.code', async (row) => {
    const scene = new Scene({ ...DELIVERED, cancelInvalidate: () => false });
    const done = scene.unlink();
    scene.dump.lost = row.lost;
    scene.answer.reject(new FsError(row.code, 'firmware said so', { fields: { status: 7 } }));
    await expect(done).rejects.toMatchObject(row.expected);
  });
});

describe('unlink that is interrupted', () => {
  function interrupted(facts: Partial<FakeDump>): { scene: Scene; errno: Promise<string | undefined> } {
    const scene = new Scene({ ...DELIVERED, ...facts });
    const interrupt = new AbortController();
    const errno = errnoOf(() => scene.unlink(interrupt.signal));
    interrupt.abort();
    return { scene, errno };
  }

  test('before firmware was told is EINTR at once', async () => {
    const { scene, errno } = interrupted({});
    expect(await errno).toBe('EINTR');
    expect(lines(scene.log.warn)).toEqual([]);
  });

  test('while firmware answers is what it answers', async () => {
    const { scene, errno } = interrupted({ cancelInvalidate: () => false });
    await settled();
    scene.answer.resolve();
    expect(await errno).toBeUndefined();
    expect(lines(scene.log.warn)).toEqual([]);
  });

  test('while firmware fails is that failure, and nothing else is said', async () => {
    const { scene, errno } = interrupted({ cancelInvalidate: () => false });
    await settled();
    await scene.fail();
    expect(await errno).toBe('EIO');
    expect(lines(scene.log.warn)).toEqual([]);
  });

  test('is EINTR when firmware takes long, and how it ended is said then', async () => {
    const { scene, errno } = interrupted({ cancelInvalidate: () => false });
    expect(await errno).toBe('EINTR');
    expect(lines(scene.log.warn)).toEqual([[expect.stringContaining('may be gone'), { tag: TAG }]]);
    await scene.fail();
    const failed = { tag: TAG, error: expect.any(FsError) as FsError };
    expect(lines(scene.log.warn)[1]).toEqual([expect.stringContaining('failed after the interrupt'), failed]);
  });
});

describe('what another process was asked to remove', () => {
  test('is removed with policy force if it can be told to be the same', async () => {
    const scene = new Scene(DELIVERED, 'force');
    const done = scene.removal.unlink(scene.dump, NEVER, true);
    scene.answer.resolve();
    await done;
    expect(scene.remove.mock.calls).toEqual([[scene.dump, false]]);
  });

  test('is not removed with policy force where nothing tells that, and is when somebody asks again', async () => {
    const scene = new Scene({}, 'force');
    await expect(scene.removal.unlink(scene.dump, NEVER, true)).rejects.toMatchObject({
      code: 'EBUSY',
      message: expect.stringContaining('repeat that') as string,
      fields: { tag: TAG, delivered: 0 },
    });
    expect(scene.remove).not.toHaveBeenCalled();
    const done = scene.unlink();
    scene.answer.resolve();
    await done;
    expect(scene.remove.mock.calls).toEqual([[scene.dump, true]]);
  });

  test('is not removed with another policy where nothing tells that: to repeat it would not help', async () => {
    const scene = new Scene({});
    await expect(scene.removal.unlink(scene.dump, NEVER, true)).rejects.toMatchObject({
      code: 'EBUSY',
      message: expect.stringContaining('copy it first') as string,
    });
    expect(scene.remove).not.toHaveBeenCalled();
  });

  test.each([
    {
      when: 'it was accepted',
      accept: (scene: Scene): Promise<void> => {
        scene.removal.inherit(scene.dump);
        return Promise.resolve();
      },
    },
    {
      when: 'it was asked for once more',
      accept: (scene: Scene): Promise<void> => {
        scene.dump.openHandles = 1;
        return scene.removal.unlink(scene.dump, NEVER, true);
      },
    },
  ])('is compared at the last close, with policy force too: $when', async ({ accept }) => {
    const scene = new Scene({ ...DELIVERED }, 'force');
    await accept(scene);
    scene.dump.openHandles = 0;
    scene.close();
    scene.answer.resolve();
    await settled();
    expect(scene.remove.mock.calls).toEqual([[scene.dump, false]]);
  });
});

describe('the last close', () => {
  test.each([{ policy: 'delivered' }, { policy: 'force' }] as const)(
    'removes, once: $policy',
    async ({ policy }) => {
      const scene = new Scene({ ...DELIVERED, openHandles: 0 }, policy);
      scene.close();
      scene.answer.resolve();
      await settled();
      expect(scene.remove.mock.calls).toEqual([[scene.dump, policy === 'force']]);
      scene.removal.drop();
      expect(lines(scene.log.warn), 'nothing is under way any more').toEqual([]);
    },
  );

  test.each([
    { when: 'others have it open', facts: { removal: 'accepted', openHandles: 1 } },
    { when: 'it was not unlinked', facts: { removal: 'none' } },
    { when: 'firmware is told already', facts: { removal: 'told' } },
    { when: 'it is lost', facts: { removal: 'accepted', lost: 'replaced' } },
  ] as const)('removes nothing where $when', ({ facts }) => {
    const scene = new Scene({ ...DELIVERED, ...facts });
    scene.removal.onHandleClosed(scene.dump);
    expect(scene.remove).not.toHaveBeenCalled();
  });

  test.each([
    { lost: undefined, warned: [], failed: [['listed again', 'error']] },
    { lost: 'replaced', warned: [['no longer what firmware holds', 'tag']], failed: [] },
    { lost: 'locked', warned: [], failed: [] },
  ] as const)('that fails says so where nobody else has: $lost', async ({ lost, warned, failed }) => {
    const scene = new Scene();
    scene.close();
    await scene.fail(lost);
    const said = (line: readonly [string, string]): unknown[] => [
      expect.stringContaining(line[0]),
      expect.objectContaining({ tag: TAG, [line[1]]: expect.anything() as unknown }),
    ];
    expect(lines(scene.log.warn)).toEqual(warned.map(said));
    expect(lines(scene.log.error)).toEqual(failed.map(said));
  });
});

describe('drop', () => {
  test('counts what was accepted and what has begun', () => {
    const scene = new Scene();
    scene.close();
    scene.unlinked.push(fakeDump(2), fakeDump(3));
    scene.removal.drop();
    expect(lines(scene.log.warn)).toEqual([[expect.stringContaining('lockdown'), { dumps: 3 }]]);
  });
});

describe('handOver', () => {
  test.each([
    { of: 'an unlink', begin: (scene: Scene) => void scene.unlink().catch(() => undefined) },
    { of: 'the last close', begin: (scene: Scene) => scene.close() },
  ])('waits for the removal of $of, whatever comes of it', async ({ begin }) => {
    const scene = new Scene();
    begin(scene);
    const ended = vi.fn();
    const end = scene.removal.handOver().then(ended);
    await settled();
    expect(ended).not.toHaveBeenCalled();
    await scene.fail();
    await end;
  });

  test('waits no longer than it may', async () => {
    const scene = new Scene();
    scene.close();
    await scene.removal.handOver();
    expect(lines(scene.log.warn)).toEqual([]);
  });

  test('waits for nothing where nothing is under way', async () => {
    const scene = new Scene();
    const ended = vi.fn();
    void scene.removal.handOver().then(ended);
    await settled();
    expect(ended).toHaveBeenCalled();
  });

  test('leaves to the next process what is closed from then on, and what is unlinked', async () => {
    const scene = new Scene();
    scene.unlinked.push(scene.dump);
    await scene.removal.handOver();
    scene.close();
    expect(scene.remove).not.toHaveBeenCalled();
    await scene.removal.end();
    expect(lines(scene.log.warn)).toEqual([]);
  });
});

describe('end', () => {
  const KEPT = [expect.stringContaining('stays in firmware'), { tag: TAG }];

  test('says what stays, and what is closed from then on stays as well', async () => {
    const scene = new Scene();
    scene.unlinked.push(scene.dump);
    await scene.removal.end();
    scene.close();
    expect(lines(scene.log.warn)).toEqual([KEPT]);
    expect(scene.remove).not.toHaveBeenCalled();
  });

  test('waits for what the last close began, and says nothing of it', async () => {
    const scene = new Scene();
    scene.close();
    const ended = vi.fn();
    const end = scene.removal.end().then(ended);
    await settled();
    expect(ended).not.toHaveBeenCalled();
    scene.answer.resolve();
    await end;
    expect(lines(scene.log.warn)).toEqual([]);
  });

  test('says of what fails meanwhile that it failed', async () => {
    const scene = new Scene();
    scene.close();
    const end = scene.removal.end();
    await scene.fail();
    await end;
    expect(lines(scene.log.error)).toHaveLength(1);
  });

  test.each([
    { when: 'firmware was not told', cancelInvalidate: () => true, said: 'stays in firmware' },
    { when: 'firmware was told', cancelInvalidate: () => false, said: 'may be gone' },
  ])(
    'waits no longer than it may, and says once what that means: $when',
    async ({ cancelInvalidate, said }) => {
      const scene = new Scene({ ...DELIVERED, cancelInvalidate });
      scene.close();
      await scene.removal.end();
      expect(lines(scene.log.warn)).toEqual([[expect.stringContaining(said), { tag: TAG }]]);
      await scene.fail();
      expect(lines(scene.log.error)).toEqual([]);
    },
  );
});
