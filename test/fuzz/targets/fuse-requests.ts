import assert from 'node:assert/strict';
import { silentLogger } from '../../../src/base/log.js';
import { OPCODE } from '../../../src/fuse/kernel/abi.js';
import { decodeInHeader } from '../../../src/fuse/kernel/decode.js';
import { Session } from '../../../src/fuse/kernel/session.js';
import { RecordedReplies } from '../../support/recorded-replies.js';
import { settled } from '../../support/transfer-bench.js';
import { WithoutThreads } from '../../support/without-threads.js';
import type { FuzzTarget } from '../target.js';

const SILENT = new Set<number>([OPCODE.FORGET, OPCODE.BATCH_FORGET, OPCODE.INTERRUPT, OPCODE.NOTIFY_REPLY]);
const RISE = 0xff;

/**
 * Requests as they come from the FUSE device, one after the other: each begins with two bytes. The first is the number of
 * bytes, and the second says whether the length in its header is to be trusted (0), made right (1), or the request is a rise
 * of the lockdown level (255). Threads work a little after each.
 */
export const fuseRequests: FuzzTarget = {
  name: 'fuse-requests',
  isText: false,
  words: [
    '0x0000000200000001\0',
    '0x0000000200000002\0',
    '.\0',
    '..\0',
    'user.platdumpfs.\0',
    '\x01\0\0\0\0\0\0\0',
    '\x02\0\0\0\0\0\0\0',
  ],
  async run(input) {
    await using daemon = new WithoutThreads({ sizes: [100_000, 7] });
    const replies = new RecordedReplies(true);
    const session = new Session({
      filesystem: daemon.fs,
      replies,
      pageBytes: 4096,
      log: silentLogger,
      lookAtRequester: () => 'leaving',
      littleEndian: true,
    });
    const asked = new Map<bigint, number>();
    for (const message of messages(input)) {
      if (message === 'rise') daemon.raise();
      else {
        const unique = uniqueThatIsAnswered(message);
        if (unique !== undefined) asked.set(unique, (asked.get(unique) ?? 0) + 1);
        session.handle(message);
      }
      for (const thread of daemon.busy) thread.step();
      await settled();
    }
    session.refuseAll();
    checkReplies(replies, asked);
    // From here on the kernel takes none.
    replies.nobodyWaits = true;
    session.releaseAll();
    await daemon.run();
    const { inodes } = daemon.volume;
    for (const ino of inodes.numbers().others) daemon.fs.forget(ino, Number.MAX_SAFE_INTEGER);
    assert.deepEqual(inodes.counts, { inodes: 0, handles: 0 });
    assert(!daemon.isLocked || !daemon.holdsBytes, 'bytes of dumps are left in memory');
    assert(
      daemon.firmware.every(({ invalidated, bytes }) => !invalidated || delivered(replies) >= bytes.length),
    );
  },
};

function* messages(input: Uint8Array): Generator<Uint8Array | 'rise'> {
  for (let at = 0; at + 2 <= input.length;) {
    const [length = 0, how = 0] = input.subarray(at, at + 2);
    at += 2;
    if (how === RISE) yield 'rise';
    else {
      const message = input.slice(at, at + length);
      if (how === 1 && message.length >= 4) Buffer.from(message.buffer).writeUInt32LE(message.length);
      at += length;
      yield message;
    }
  }
}

/** Undefined where nobody expects a reply, or can be told. */
function uniqueThatIsAnswered(message: Uint8Array): bigint | undefined {
  try {
    const { opcode, unique } = decodeInHeader(message, true);
    return SILENT.has(opcode) ? undefined : unique;
  } catch {
    return undefined;
  }
}

function checkReplies({ sent }: RecordedReplies, asked: Map<bigint, number>): void {
  const left = new Map(asked);
  for (const { unique, error } of sent) {
    left.set(unique, (left.get(unique) ?? 0) - 1);
    assert((left.get(unique) ?? 0) >= 0, `${unique} is answered once too often`);
    assert(error <= 0 && error > -4096, `errno ${error}`);
  }
  for (const [unique, count] of left) assert(count < (asked.get(unique) ?? 0), `${unique} is not answered`);
}

function delivered({ sent }: RecordedReplies): number {
  return sent.reduce((sum, { body }) => sum + body.length, 0);
}
