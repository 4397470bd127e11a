import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dumpTag, tagName } from '../../../src/base/tag.js';
import { KernelPaprDevice } from '../../../src/source/papr/papr-device.js';
import { readGenerated } from '../../../src/source/sim/index.js';
import { SCENARIOS, tagOf, transcript } from './operations.js';

// In the emulated machine: arguments are the directory of the hypervisor's dumps and the file to write.

const [dumpDir = '/share/dumps', output = '/share/operations.txt'] = process.argv.slice(2);
const lines = SCENARIOS.flatMap((scenario, index) => {
  const tag = dumpTag(tagOf(index));
  const content = new Uint8Array(scenario.sizeBytes);
  readGenerated(tag, scenario.sizeBytes, 0, content);
  const path = join(dumpDir, tagName(tag).slice(2));
  writeFileSync(`${path}.fault`, (scenario.faults ?? []).map((line) => `${line}\n`).join(''));
  writeFileSync(path, content);
  return transcript(new KernelPaprDevice(), scenario, tag);
});
writeFileSync(output, lines.map((line) => `${line}\n`).join(''));
