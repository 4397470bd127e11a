import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../src/base/log.js';
import { dumpTag, tagName } from '../../src/base/tag.js';
import { readGenerated } from '../../src/source/sim/index.js';
import type { Discipline } from '../../src/source/sim/index.js';
import { openSimSource } from '../../src/source/sim/sim-source.js';
import { createDriver } from '../../src/source/sim/sim-driver.js';
import type { ContractDump, SourceUnderTest } from './source.js';
import { describeSource } from './source.js';

const unknownTag = dumpTag(0x2_0000_0009n);
const dumps: readonly [ContractDump, ContractDump] = [
  dump(0x2_0000_0001n, 50_001),
  dump(0x1_8000_0002n, 12_288),
];

function dump(tag: bigint, size: number): ContractDump {
  const content = new Uint8Array(size);
  readGenerated(dumpTag(tag), size, 0, content);
  return { tag: dumpTag(tag), content };
}

function generated(discipline: Discipline): Promise<SourceUnderTest> {
  const options = {
    dumps: dumps.map(({ tag, content }) => ({ tag, size: content.length })),
    latencyUs: 0,
    discipline,
  };
  const source = openSimSource({ ...options, log: silentLogger });
  return Promise.resolve({ source, createDriver, dumps, unknownTag });
}

/** Files beside which stands what makes reading hard: odd chunks, false ends, busy answers, no announced size. */
function files(discipline: Discipline): Promise<SourceUnderTest> {
  const dir = mkdtempSync(join(tmpdir(), 'platdumpfs-contract-'));
  for (const { tag, content } of dumps) writeFileSync(join(dir, tagName(tag)), content);
  const [{ tag, content }] = dumps;
  const faults = [
    { at: 0, empty: 2 },
    { at: 5000, empty: 1 },
    { at: 5000, status: -2, times: 3 },
    { at: 20_000, status: 9900 },
    { at: content.length, empty: 2 },
  ];
  writeFileSync(
    join(dir, `${tagName(tag)}.json`),
    JSON.stringify({ announcedSize: null, chunk: [700, 3000], faults }),
  );
  const source = openSimSource({ dir, dumps: [], latencyUs: 0, discipline, log: silentLogger });
  const dispose = (): void => rmSync(dir, { recursive: true });
  return Promise.resolve({ source, createDriver, dumps, unknownTag, dispose });
}

for (const discipline of ['papr', 'librtas'] as const) {
  describeSource(`simulated source, ${discipline}, generated dumps`, () => generated(discipline));
  describeSource(`simulated source, ${discipline}, files with faults`, () => files(discipline));
}
