import { expect, test } from 'vitest';
import { tagName } from '../../../src/base/tag.js';
import { ROOT_INO } from '../../../src/fs/index.js';
import { context } from '../../support/bare.js';
import { settled } from '../../support/transfer-bench.js';
import { WithoutThreads } from '../../support/without-threads.js';

const SIZE = 10_000;

test('who opens a dump while firmware is told to forget it keeps what is in memory', async () => {
  await using daemon = new WithoutThreads({ sizes: [SIZE] });
  const [dump] = daemon.firmware;
  const name = tagName(dump!.tag);
  const { attributes } = await daemon.fs.lookup(ROOT_INO, name, context());
  const read = async (fh: number): Promise<Buffer> => {
    const reading = daemon.fs.read(fh, 0, SIZE, context());
    await daemon.run();
    using bytes = await reading;
    const got = Buffer.concat(bytes.segments);
    bytes.delivered();
    return got;
  };
  const first = daemon.fs.open(attributes.ino, 0, context());
  expect(await read(first)).toEqual(dump!.bytes);
  daemon.fs.release(first);

  let late: number | undefined;
  daemon.onInvalidate = () => (late = daemon.fs.open(attributes.ino, 0, context()));
  const removing = daemon.fs.unlink(ROOT_INO, name, context());
  await daemon.run();
  await removing;
  await settled();
  expect(dump!.invalidated).toBe(true);
  expect(await read(late!)).toEqual(dump!.bytes);
  daemon.fs.release(late!);
});
