import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../src/base/log.js';
import { dumpTag } from '../../src/base/tag.js';
import { readGenerated } from '../../src/source/sim/index.js';
import type { CreateDriver, DumpCursor } from '../../src/source/index.js';
import { openOpalSource } from '../../src/source/opal/opal-source.js';
import { createDriver } from '../../src/source/opal/opal-driver.js';
import { FakeOpalSysfs } from '../support/opal-sysfs.js';
import type { ContractDump, SourceUnderTest } from './source.js';
import { describeSource } from './source.js';

/** The driver with the kernel's part of an acknowledgement. */
function driverOver(sysfs: FakeOpalSysfs): CreateDriver {
  return (data) => {
    const driver = createDriver(data);
    const acknowledging = (cursor: DumpCursor): DumpCursor => ({
      get state() {
        return cursor.state;
      },
      read: (into) => cursor.read(into),
      close: () => cursor.close(),
      invalidate() {
        cursor.invalidate();
        sysfs.carryOut();
      },
    });
    return {
      open: (...args) => acknowledging(driver.open(...args)),
      carryOn: (...args) => acknowledging(driver.carryOn(...args)),
    };
  };
}

function subject(
  sysfs: FakeOpalSysfs,
  dumps: readonly [ContractDump, ContractDump],
): Promise<SourceUnderTest> {
  const source = openOpalSource({ dir: sysfs.dir, log: silentLogger, lookEveryMs: 20 });
  const dispose = (): void => sysfs[Symbol.dispose]();
  const unknownTag = dumpTag(0x2_0000_0009n);
  return Promise.resolve({ source, createDriver: driverOver(sysfs), dumps, unknownTag, dispose });
}

function sample(): Promise<SourceUnderTest> {
  const sysfs = FakeOpalSysfs.sample();
  const dump = (id: number): ContractDump => ({
    tag: dumpTag((0xffff_ffffn << 32n) | BigInt(id)),
    content: readFileSync(join(sysfs.dir, `0xffffffff-0x0${id}`, 'dump')),
  });
  return subject(sysfs, [dump(1), dump(2)]);
}

function generated(): Promise<SourceUnderTest> {
  const sysfs = new FakeOpalSysfs();
  const dump = (type: bigint, id: bigint, size: number): ContractDump => {
    const tag = dumpTag((type << 32n) | id);
    const content = new Uint8Array(size);
    readGenerated(tag, size, 0, content);
    sysfs.add(`any-name-${id}`, {
      id: `0x${id.toString(16)}\n`,
      type: `0x${type.toString(16)} System/Platform Dump\n`,
      content,
    });
    return { tag, content };
  };
  return subject(sysfs, [dump(2n, 0x8000_0001n, 50_001), dump(1n, 0n, 12_288)]);
}

describeSource("OPAL source, ppc64-diag's sample", sample);
describeSource('OPAL source, longer dumps under other names', generated);
