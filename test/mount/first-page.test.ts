import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pageSize } from '../../src/base/page-size.js';
import { dropPages, MIB } from '../support/all-sizes.js';
import type { ExpectedDump } from '../support/expected-dump.js';
import { fileDump, sha256 } from '../support/expected-dump.js';
import { CELLS, Mounted } from '../support/mounted.js';
import { mustRun, runTool } from '../support/run-tool.js';
import { Victim } from '../support/victim.js';

/** "Extended delay, about 1 s." */
const BUSY = 9903;
const TAG = 0x2_0000_0001n;
const PAGE = pageSize();
/** What the kernel asks for at once when somebody wants the first page: four pages, of large ones two. */
const READ_AHEAD = 4 * PAGE;

describe.each(CELLS.filter(({ transport }) => transport === 'kernel'))('$discipline', (cell) => {
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

/** Reads `sys.argv[2]` bytes from the beginning, as the first thing that is done with the file. */
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

// What the layer above firmware allows makes no difference to this.
const TRANSPORTS = CELLS.filter(({ discipline }) => discipline === 'papr');

describe.each(TRANSPORTS)('$transport', (cell) => {
  let mounted: Mounted;
  let dump: ExpectedDump;

  beforeAll(async () => {
    mounted = new Mounted(cell);
    dump = fileDump(mounted.simDir, TAG, 2 * MIB);
    await mounted.start(`--sim-dir=${mounted.simDir}`);
  });

  afterAll(() => mounted[Symbol.asyncDispose]());

  describe.each(LENGTHS)('the first %i bytes', (length) => {
    test.each(Object.entries(WAYS))('by %s are those of the dump', async (_, way) => {
      await dropPages(mounted.at(dump.name));
      const script = `import fcntl, mmap, os, sys
length = int(sys.argv[2])
fd = os.open(sys.argv[1], os.O_RDONLY)
${way}
sys.stdout.buffer.write(data)`;
      const read = await runTool('python3', ['-c', script, mounted.at(dump.name), String(length)]);
      expect({ status: read.status, stderr: read.stderr }).toEqual({ status: 0, stderr: '' });
      expect({ bytes: read.bytes, sha256: read.sha256 }).toEqual({
        bytes: length,
        sha256: sha256(dump, 0, length),
      });
    });
  });
});
