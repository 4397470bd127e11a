import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pageSize } from '../../src/base/page-size.js';
import { MIB } from '../support/all-sizes.js';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { KERNEL_CELLS, Mounted, TRANSPORTS } from '../support/mounted.js';
import { mustRun } from '../support/run-tool.js';
import { Victim } from '../support/victim.js';

/** "Extended delay, about 1 s." */
const BUSY = 9903;
const TAG = 0x2_0000_0001n;
const PAGE = pageSize();
/** What the kernel asks for at once when somebody wants the first page: four pages, of large ones two. */
const READ_AHEAD = 4 * PAGE;

describe.each(KERNEL_CELLS)('$discipline', (cell) => {
  test('whoever wants the first page of a cold dump waits for what the kernel reads ahead, and no further', async () => {
    await using mounted = new Mounted(cell);
    const faults = [{ at: READ_AHEAD, status: BUSY, times: 'always' }];
    const dump = fileDump(mounted.simDir, TAG, MIB, { faults });
    await mounted.start(`--sim-dir=${mounted.simDir}`);
    const head = await mustRun('head', ['-c', String(PAGE), mounted.at(dump.name)]);
    expect(head.sha256).toBe(sha256(dump, 0, PAGE));
    const further = new Victim('head', '-c', String(READ_AHEAD + 1), mounted.at(dump.name));
    await further.endWithin(500);
    expect(further.isRunning).toBe(true);
    expect(await further.signal('SIGINT', 1000)).toMatchObject({ end: 'SIGINT' });
  });
});

/** Reads `length` bytes from the beginning, as the first thing that is done with the file. */
const WAYS = {
  'read(2)': 'data = os.read(fd, length)',
  'preadv(2)': 'data = bytearray(length); os.preadv(fd, [data], 0)',
  'read(2) of a descriptor made direct later': `
fcntl.fcntl(fd, fcntl.F_SETFL, os.O_DIRECT)
data = mmap.mmap(-1, length)
os.readv(fd, [data])`,
  'read(2) after POSIX_FADV_RANDOM': `
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
data = os.read(fd, length)`,
  'read(2) after POSIX_FADV_WILLNEED': `
os.posix_fadvise(fd, 0, length, os.POSIX_FADV_WILLNEED)
data = os.read(fd, length)`,
  'sendfile(2)': `
out = os.memfd_create('copy')
os.sendfile(out, fd, 0, length)
data = os.pread(out, length, 0)`,
  'a mapping': 'data = mmap.mmap(fd, length, prot=mmap.PROT_READ)[:]',
};

const LENGTHS = [1, 2, 3, 4, 5, 16].map((pages) => pages * PAGE);

describe.each(TRANSPORTS)('$transport', (cell) => {
  let mounted: Mounted;
  let dump: ExpectedDump;

  beforeAll(async () => {
    mounted = new Mounted(cell);
    dump = fileDump(mounted.simDir, TAG, 2 * MIB);
    await mounted.start(`--sim-dir=${mounted.simDir}`);
  });

  afterAll(() => mounted[Symbol.asyncDispose]());

  test.each(Object.entries(WAYS))('the first bytes by %s are those of the dump', async (_, way) => {
    const script = `import fcntl, hashlib, mmap, os, sys
def first(length):
    fd = os.open(sys.argv[1], os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
${way.trim().replace(/^/gm, '    ')}
    os.close(fd)
    return hashlib.sha256(data).hexdigest()
for length in sys.argv[2:]: print(first(int(length)))`;
    const { stdout } = await mustRun('python3', [
      '-c',
      script,
      mounted.at(dump.name),
      ...LENGTHS.map(String),
    ]);
    expect(stdout.trim().split('\n')).toEqual(LENGTHS.map((length) => sha256(dump, 0, length)));
  });
});
