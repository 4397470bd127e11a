import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { HandedMount } from '../../../src/cli/mount/handed-mount.js';
import {
  headerText,
  lineText,
  parseHandedMount,
  tellableDumps,
} from '../../../src/cli/mount/handed-mount.js';
import type { HandedDump } from '../../../src/dump/index.js';
import { MIN_SLOTS } from '../../../src/memory/index.js';
import { BEGINNING_BYTES } from '../../../src/transfer/index.js';
import { sampleBytes } from '../../support/bare.js';
import { TransferBench } from '../../support/transfer-bench.js';
import type { FuzzTarget } from '../target.js';
import { unlessRefused } from '../target.js';

/** What firmware has, whatever the file says. */
const BYTES = sampleBytes(5000);

/** A byte for the source's discipline, then what the process before has left of a mount. */
export const handoverFile: FuzzTarget = {
  name: 'handover-file',
  isText: true,
  words: [
    ...['{"dump":', '{"dumpGone":', '{"opened":', '{"closed":', '}\n', '"format":1,', '"serial":1,'],
    ...[
      '"tag":"0x0000000200000001",',
      '"length":',
      '"isWhole":true',
      '"delivered":[0,5000]',
      '[0,',
      ',"lost":"gone"',
    ],
    ...[
      '-1',
      '0',
      '4096',
      '5000',
      '9007199254740991',
      '1e308',
      '0.5',
      '"beginning":"',
      '"known":',
      'null',
      '__proto__',
    ],
    ...[sha256(BYTES), sha256(BYTES.subarray(0, BEGINNING_BYTES))],
  ],
  async run([discipline = 0, ...bytes]) {
    const text = Buffer.from(bytes).toString('latin1');
    const mount = unlessRefused(Error, () => parseHandedMount(text));
    if (mount === undefined) return;
    assert.deepEqual(parseHandedMount(written(mount)), mount);
    for (const dump of tellableDumps(mount).slice(0, 4)) await checkDump(dump, discipline % 2 === 1);
  },
};

function written({ dumps, handles, ...header }: HandedMount): string {
  const lines = [...dumps.map((dump) => ({ dump })), ...handles.map((opened) => ({ opened }))];
  return headerText(header) + lines.map(lineText).join('');
}

/** Firmware is told to forget nothing but what the file knows it by. */
async function checkDump(handed: HandedDump, resumable: boolean): Promise<void> {
  const { known, delivered } = handed;
  const firmware = { bytes: BYTES, chunk: () => 4096, invalidated: false };
  const bench = new TransferBench({ resumable, slots: MIN_SLOTS, announced: false });
  const dump = bench.dump(handed.tag, firmware);
  dump.inherit(handed);
  const received = delivered.length === 0 ? 0 : (delivered.at(-1) ?? 0) - (delivered[0] ?? 0);
  assert(dump.delivered >= 0 && dump.delivered <= Math.min(received, known?.length ?? 0));
  assert(!dump.isDelivered || (known?.isWhole === true && dump.delivered === known.length));
  assert(!dump.isSaved || (handed.isSaved && dump.isDelivered));
  const removal = dump.invalidate().catch(() => undefined);
  await bench.run();
  await removal;
  if (!firmware.invalidated || known === undefined) return;
  assert.equal(
    known.beginning ?? known.digest,
    sha256(BYTES.subarray(0, Math.min(known.length, BEGINNING_BYTES))),
  );
  // Where no pass is needed, the first chunk is all that is compared.
  assert(resumable || known.length <= BYTES.length);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
