#!/usr/bin/env node
// node scripts/mutate.mjs SOURCE TEST...: breaks SOURCE in one place after the other, in a copy, and says which breaks no
// TEST notices. Only for tests that need no dist/. --seconds N ends early (and says how many mutants were not tried).
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import { fail, root } from './setup.mjs';

/** A mutant that makes a loop endless is caught, too. */
const TEST_LIMIT_MS = 60_000;

const OTHER_OPERATORS = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '&&': ['||'],
  '||': ['&&'],
  '+': ['-'],
  '-': ['+'],
  '+=': ['-='],
  '-=': ['+='],
};

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string' } },
  allowPositionals: true,
});
const [source, ...tests] = positionals;
if (source === undefined || tests.length === 0) fail('usage: node scripts/mutate.mjs SOURCE TEST...');
const deadline = Date.now() + Number(values.seconds ?? 3600) * 1000;

const copy = mkdtempSync(join(tmpdir(), 'platdumpfs-mutants-'));
try {
  for (const part of ['src', 'test', 'package.json', 'tsconfig.json'])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  writeFileSync(
    join(copy, 'vitest.config.mjs'),
    "export default { test: { pool: 'threads', maxWorkers: 1 } };\n",
  );
  if (!pass()) fail('the tests fail without any mutant');
  report();
} finally {
  rmSync(copy, { recursive: true, force: true });
}

function report() {
  const text = readFileSync(join(root, source), 'utf8');
  const all = mutants(text);
  const survivors = [];
  let tried = 0;
  for (const mutant of all) {
    if (Date.now() > deadline) break;
    writeFileSync(join(copy, source), text.slice(0, mutant.start) + mutant.by + text.slice(mutant.end));
    tried += 1;
    if (pass()) survivors.push(mutant);
  }
  for (const { start, end, by } of survivors) {
    const line = text.slice(0, start).split('\n').length;
    console.log(
      `survived ${source}:${line}: ${oneLine(text.slice(start, end))} -> ${oneLine(by) || '(nothing)'}`,
    );
  }
  console.log(
    `${source}: ${tried - survivors.length} of ${tried} mutants caught, ${all.length - tried} not tried`,
  );
}

function pass() {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--bail=1', '--reporter=dot', ...tests];
  return (
    spawnSync(process.execPath, args, { cwd: copy, stdio: 'ignore', timeout: TEST_LIMIT_MS }).status === 0
  );
}

/** Every single place where the text can be broken. */
function mutants(text) {
  const found = [];
  const file = ts.createSourceFile(source, text, ts.ScriptTarget.Latest, true);
  const replace = (node, by) => found.push({ start: node.getStart(), end: node.getEnd(), by });
  const visit = (node) => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node)) return;
    if (ts.isBinaryExpression(node))
      for (const other of OTHER_OPERATORS[node.operatorToken.getText()] ?? [])
        replace(node.operatorToken, other);
    if (ts.isIfStatement(node) || ts.isWhileStatement(node))
      replace(node.expression, `!(${node.expression.getText()})`);
    if (ts.isConditionalExpression(node)) replace(node.condition, `!(${node.condition.getText()})`);
    if (ts.isNumericLiteral(node)) replace(node, String(Number(node.text.replaceAll('_', '')) + 1));
    if (node.kind === ts.SyntaxKind.TrueKeyword) replace(node, 'false');
    if (node.kind === ts.SyntaxKind.FalseKeyword) replace(node, 'true');
    if (ts.isExpressionStatement(node)) replace(node, ';');
    if (ts.isReturnStatement(node) && node.expression === undefined) replace(node, ';');
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function oneLine(text) {
  return text.replace(/\s+/g, ' ').slice(0, 80);
}
