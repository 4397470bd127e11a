#!/usr/bin/env node
// npm run fuzz -- [TARGET...]: looks for inputs that break a promise. --seconds N (60) for each target, --seed S (any);
// --keep adds what was found and what reached further code to its corpus.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { rolldown } from 'rolldown';
import { csi, fail, installCsiDependencies, installDependencies, root, say } from './setup.mjs';

const PROGRAM = {
  directory: join(root, 'test/fuzz'),
  bundle: join(root, 'node_modules/.cache/fuzz/campaign.mjs'),
  external: [/^[^./@\0]/],
};
/** A package of its own. The protocol files lie beside the bundle's directory. */
const CSI = { directory: join(csi, 'test/fuzz'), bundle: join(csi, 'dist/fuzz.mjs'), external: [] };
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
const targetsOf = ({ directory }) =>
  readdirSync(join(directory, 'targets')).map((file) => basename(file, '.ts'));
const packageOf = Object.fromEntries(
  [PROGRAM, CSI].flatMap((each) => targetsOf(each).map((name) => [name, each])),
);
const all = Object.keys(packageOf);
const names = positionals.length > 0 ? positionals : all;
const unknown = names.find((name) => !all.includes(name));
if (unknown !== undefined) fail(`no target ${unknown}: ${all.join(', ')}`);
for (const option of ['seconds', 'seed'])
  if (!/^\d+$/.test(values[option])) fail(`--${option}: expected a whole number, got "${values[option]}"`);

installDependencies();
if (names.some((name) => packageOf[name] === CSI)) installCsiDependencies();
for (const each of new Set(names.map((name) => packageOf[name]))) await bundleCampaign(each);
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

async function bundleCampaign({ directory, bundle, external }) {
  const built = await rolldown({
    input: join(directory, 'main.ts'),
    platform: 'node',
    external,
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    transform: { target: 'node20.19' },
    logLevel: 'silent',
  });
  await built.write({ file: bundle, format: 'esm', codeSplitting: false });
}

async function campaign(name) {
  const { directory, bundle } = packageOf[name];
  const corpus = join(directory, 'corpus');
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
  const path = join(packageOf[name].directory, 'corpus', `${name}.json`);
  const kept = JSON.parse(readFileSync(path, 'utf8'));
  const finds =
    find === undefined ? kept.finds : { ...kept.finds, [`NAME ME ${find.why.split('\n')[0]}`]: find.input };
  const all = [...new Set([...(kept.explored ?? []), ...explored.filter((input) => input.length <= 1024)])];
  writeFileSync(
    path,
    `${JSON.stringify({ ...kept, finds, explored: all.slice(0, MOST_EXPLORED) }, null, 2)}\n`,
  );
}
