import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../../../src/base/log.js';
import type { DumpTag } from '../../../src/base/tag.js';
import { dumpTag, tagName } from '../../../src/base/tag.js';
import type { DumpFacts, MachineSpec } from '../../../src/source/sim/index.js';
import { SimFirmware, SimPaprDevice, readGenerated } from '../../../src/source/sim/index.js';
import type { DumpSource } from '../../../src/source/index.js';
import { openSimSource } from '../../../src/source/sim/sim-source.js';
import type { Scenario } from './operations.js';
import { SCENARIOS, tagOf, transcript } from './operations.js';

// Compares the simulator with what the kernel's driver did in the emulated machine.
// Arguments: what operations-real wrote, and the emulated hypervisor's log of calls.

const [realPath = '', rtasLog = ''] = process.argv.slice(2);
const dir = mkdtempSync(join(tmpdir(), 'platdumpfs-operations-'));
const real = readFileSync(realPath, 'utf8').split('\n').slice(0, -1);
const realCalls = callsOfHypervisor(readFileSync(rtasLog, 'utf8'));

SCENARIOS.forEach(({ sizeBytes, simFaults = [] }, index) => {
  const tag = dumpTag(tagOf(index));
  const content = new Uint8Array(sizeBytes);
  readGenerated(tag, sizeBytes, 0, content);
  writeFileSync(join(dir, tagName(tag)), content);
  writeFileSync(join(dir, `${tagName(tag)}.json`), JSON.stringify({ faults: simFaults }));
});
const source = openSimSource({ dir, dumps: [], latencyUs: 0, discipline: 'papr', log: silentLogger });
for (const [index, scenario] of SCENARIOS.entries()) compare(source, scenario, dumpTag(tagOf(index)));
await source[Symbol.asyncDispose]();
rmSync(dir, { recursive: true });

function compare(of: DumpSource, scenario: Scenario, tag: DumpTag): void {
  const { lines, calls } = simulated(of, scenario, tag);
  const expected = real.filter((line) => line.startsWith(`${scenario.name}: `));
  report(`simulator answers like the kernel: ${scenario.name}`, lines, expected);
  report(`simulator is called like the hypervisor: ${scenario.name}`, calls, realCalls.get(tag) ?? []);
}

function simulated(of: DumpSource, scenario: Scenario, tag: DumpTag): { lines: string[]; calls: string[] } {
  const machine = of.driver.data as MachineSpec;
  const facts = of.detail(tag) as DumpFacts;
  const calls: string[] = [];
  using firmware = new SimFirmware(machine, { record: (call) => calls.push(describeCall(call)) });
  firmware.present(facts);
  const device = new SimPaprDevice(firmware, machine.memory, () => facts.handle);
  const lines = transcript(device, scenario, tag);
  return { lines, calls };
}

interface TracedCall {
  readonly op: string;
  readonly length: number;
  readonly status: number;
  readonly bytes: number;
}

function describeCall({ op, length, status, bytes }: TracedCall): string {
  return `${op} of ${length}: status ${status}, ${bytes} bytes`;
}

function callsOfHypervisor(log: string): Map<bigint, string[]> {
  const calls = new Map<bigint, string[]>();
  const pattern = /CALL tag=([0-9a-f]+) seq=\w+ buf=(\w+) len=(\d+) status=(-?\d+) next=\w+ bytes=(\d+)/g;
  for (const [, tag = '', buffer = '', length, status, bytes] of log.matchAll(pattern)) {
    const key = BigInt(`0x${tag}`);
    const op = /^0+$/.test(buffer) ? 'invalidate' : 'read';
    const call = { op, length: Number(length), status: Number(status), bytes: Number(bytes) };
    calls.set(key, [...(calls.get(key) ?? []), describeCall(call)]);
  }
  return calls;
}

function report(what: string, got: readonly string[], expected: readonly string[]): void {
  const at = expected.findIndex((line, index) => line !== got[index]);
  if (at < 0 && got.length === expected.length && got.length > 0) {
    process.stdout.write(`ok ${what}\n`);
    return;
  }
  const simulated = got[at] ?? got.at(expected.length) ?? 'nothing more';
  const wanted = expected[at] ?? 'nothing more';
  process.stdout.write(`FAIL ${what}\n    real:      ${wanted}\n    simulated: ${simulated}\n`);
  process.exitCode = 1;
}
