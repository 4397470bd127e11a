#!/usr/bin/env node
// npm run fuzz -- [TARGET...]: looks for inputs that break a promise. --seconds N (60) for each target, --seed S (any);
// --keep adds what was found and what reached further code to test/fuzz/corpus.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { rolldown } from 'rolldown';
import { fail, installDependencies, root, say } from './setup.mjs';

const fuzz = join(root, 'test', 'fuzz');
const corpus = join(fuzz, 'corpus');
const bundle = join(root, 'node_modules', '.cache', 'fuzz', 'campaign.mjs');
/** Larger corpora are no clearer. */
const MOST_EXPLORED = 60;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    keep: { type: 'boolean', default: false },
  },
});
const all = readdirSync(join(fuzz, 'targets')).map((file) => basename(file, '.ts'));
const names = positionals.length > 0 ? positionals : all;
const unknown = names.find((name) => !all.includes(name));
if (unknown !== undefined) fail(`no target ${unknown}: ${all.join(', ')}`);
for (const option of ['seconds', 'seed'])
  if (!/^\d+$/.test(values[option])) fail(`--${option}: expected a whole number, got "${values[option]}"`);

installDependencies();
await bundleCampaign();
let tried = 0;
let finds = 0;
for (const name of names) {
  const report = await campaign(name);
  tried += report.tried;
  if (report.find !== undefined) finds += 1;
  if (values.keep) keep(name, report);
}
say(`${tried} inputs tried on ${names.length} targets, ${finds} finds, --seed ${values.seed}`);
process.exitCode = finds === 0 ? 0 : 1;

async function bundleCampaign() {
  const built = await rolldown({
    input: join(fuzz, 'campaign.ts'),
    platform: 'node',
    external: [/^[^./@\0]/],
    transform: { target: 'node20.19' },
    logLevel: 'silent',
  });
  await built.write({ file: bundle, format: 'esm', codeSplitting: false });
}

async function campaign(name) {
  const child = spawn(process.execPath, [bundle, name, values.seconds, values.seed, corpus], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (output === '') fail(`the campaign on ${name} came to no end`);
  const report = JSON.parse(output);
  const { find, functions, explored = [] } = report;
  if (find === undefined)
    say(
      `${name}: ${report.tried} inputs, none breaks a promise; ${functions} functions reached, ${explored.length} inputs led further`,
    );
  else say(`${name}: find after ${report.tried} inputs: ${find.why}\n  ${JSON.stringify(find.input)}`);
  return report;
}

function keep(name, { find, explored = [] }) {
  const path = join(corpus, `${name}.json`);
  const kept = JSON.parse(readFileSync(path, 'utf8'));
  const finds =
    find === undefined ? kept.finds : { ...kept.finds, [`NAME ME ${find.why.split('\n')[0]}`]: find.input };
  const all = [...new Set([...(kept.explored ?? []), ...explored.filter((input) => input.length <= 1024)])];
  writeFileSync(
    path,
    `${JSON.stringify({ ...kept, finds, explored: all.slice(0, MOST_EXPLORED) }, null, 2)}\n`,
  );
}
