#!/usr/bin/env node
// npm run mutate [ROOM...]: breaks one place after the other of what decides about deletion and lockdown, and says which
// breaks no test notices. Fails where such a place is not explained in mutants/explained.json.
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { build, fail, installDependencies, root } from '../scripts/setup.mjs';
import { ROOMS } from './rooms.mjs';

const here = import.meta.dirname;
const names = process.argv.slice(2);
const unknown = names.find((name) => !(name in ROOMS));
if (unknown !== undefined) fail(`unknown room ${unknown}: one of ${Object.keys(ROOMS).join(', ')}`);

installDependencies();
installDependencies(here, 'package-lock.json');
build();
process.chdir(root);
const { Stryker } = await import('@stryker-mutator/core');
const explained = JSON.parse(readFileSync(join(here, 'explained.json'), 'utf8'));
let unexplained = 0;
for (const room of names.length > 0 ? names : Object.keys(ROOMS)) {
  const results = await mutate(ROOMS[room]);
  const isKnown = (mutant) => explained.some((known) => isSame(known, mutant));
  const survivors = results
    .filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
    .map(placeOf);
  const open = survivors.filter((mutant) => !isKnown(mutant));
  for (const { file, line, column, was, by } of open)
    console.log(`survived ${file}:${line}:${column}: ${was} -> ${by}`);
  const inTime = results.filter(({ status }) => status === 'Killed').length;
  const late = results.filter(({ status }) => status === 'Timeout').length;
  console.log(
    `${room}: ${inTime + late + survivors.length} mutants, ${inTime} caught and ${late} too slow, ` +
      `${survivors.length - open.length} explained, ${open.length} not`,
  );
  unexplained += open.length;
}
process.exitCode = unexplained === 0 ? 0 : 1;

function mutate({ sources = [], members = {}, tests }) {
  process.env.MUTANT_TESTS = tests.join(' ');
  const parts = Object.entries(members).flatMap(([file, names]) => names.map((name) => partOf(file, name)));
  return new Stryker({
    mutate: [...sources, ...parts],
    testRunner: 'vitest',
    vitest: { configFile: 'mutants/vitest.config.mjs', related: false },
    plugins: ['@stryker-mutator/vitest-runner', join(here, 'messages.mjs')],
    ignorers: ['messages'],
    coverageAnalysis: 'perTest',
    concurrency: 1,
    timeoutMS: 10_000,
    tsconfigFile: 'none.json',
    ignorePatterns: [
      '**',
      '!/src/**',
      '!/test/**',
      '!/dist/**',
      '!/mutants/*',
      '!/package.json',
      '!/tsconfig.json',
    ],
    tempDirName: 'build/mutants',
    reporters: [],
    logLevel: 'error',
    fileLogLevel: 'off',
  }).runMutationTest();
}

/** The lines of one member of a class, as Stryker wants them. */
function partOf(file, name) {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest);
  const found = source.statements
    .flatMap((statement) => (ts.isClassDeclaration(statement) ? statement.members : []))
    .filter((member) => member.name?.getText(source) === name);
  if (found.length !== 1) fail(`${file} has ${found.length} members ${name}`);
  const lineAt = (position) => source.getLineAndCharacterOfPosition(position).line + 1;
  return `${file}:${lineAt(found[0].getStart(source))}-${lineAt(found[0].end)}`;
}

/** The whole line tells where it is also after the lines before it have changed. */
function placeOf({ fileName, location, replacement }) {
  const file = relative(root, fileName);
  const text = readFileSync(join(root, file), 'utf8').split('\n');
  const { start, end } = location;
  const lines = text.slice(start.line - 1, end.line);
  lines.push(lines.pop().slice(0, end.column - 1));
  const was = lines.join('\n').slice(start.column - 1);
  return {
    file,
    line: start.line,
    column: start.column,
    text: text[start.line - 1].trim(),
    was,
    by: replacement,
  };
}

function isSame(known, mutant) {
  return known.file === mutant.file && known.text === mutant.text && known.by === mutant.by;
}
