import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DumpTag } from '../../../src/base/tag.js';
import { dumpTag, tagName } from '../../../src/base/tag.js';
import { readGenerated } from '../../../src/source/sim/index.js';
import type { CreateDriver, DumpSource } from '../../../src/source/index.js';
import { openLibrtasSource } from '../../../src/source/librtas/librtas-source.js';
import { openPaprSource } from '../../../src/source/papr/papr-source.js';
import { createDriver as createLibrtasDriver } from '../../../src/source/librtas/librtas-driver.js';
import { createDriver as createPaprDriver } from '../../../src/source/papr/papr-driver.js';
import type { ContractDump } from '../../contract/source.js';
import { describeSource } from '../../contract/source.js';
import '../../contract/source-opal.test.js';

// The contract suite against real drivers, in the emulated machine, and OPAL's on sample trees. Argument: directory of
// the hypervisor's dumps.

const [dumpDir = '/share/dumps'] = process.argv.slice(2);

const dumps: readonly [ContractDump, ContractDump] = [
  dump(0x7_0000_0001n, 50_001),
  dump(0x1_8000_0002n, 12_288),
];

function dump(tag: bigint, size: number): ContractDump {
  const content = new Uint8Array(size);
  readGenerated(dumpTag(tag), size, 0, content);
  return { tag: dumpTag(tag), content };
}

const pathOf = (tag: DumpTag): string => join(dumpDir, tagName(tag).slice(2));

/** @param faults lines for the hypervisor's `.fault` file of the first dump */
function describeReal(
  name: string,
  open: () => DumpSource,
  createDriver: CreateDriver,
  faults: string,
): void {
  describeSource(name, () => {
    for (const { tag, content } of dumps) writeFileSync(pathOf(tag), content);
    writeFileSync(`${pathOf(dumps[0].tag)}.fault`, faults);
    return Promise.resolve({
      source: open(),
      createDriver,
      dumps,
      unknownTag: dumpTag(0x7_0000_0009n),
      // Not stat: the guest may remember names that the host has changed.
      holds: (tag) => readdirSync(dumpDir).includes(tagName(tag).slice(2)) && existsSync(pathOf(tag)),
      dispose: () => {
        for (const { tag } of dumps)
          for (const suffix of ['', '.fault', '.invalidated']) rmSync(pathOf(tag) + suffix, { force: true });
      },
    });
  });
}

const papr = (): DumpSource => openPaprSource({});
const librtas = (): DumpSource => openLibrtasSource({});
const awkward = 'short\nzero 2\nbusy 3 5000\nzero 1 20000\ndelay 9900 1 30000\ntail-zero\nany-sequence\n';

describeReal('papr', papr, createPaprDriver, '');
describeReal('librtas', librtas, createLibrtasDriver, 'any-sequence\n');
describeReal('papr, awkward firmware', papr, createPaprDriver, awkward);
describeReal('librtas, awkward firmware', librtas, createLibrtasDriver, awkward);
