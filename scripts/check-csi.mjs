#!/usr/bin/env node
// npm run csi: types, lint, manifests and kept fuzz inputs of the CSI driver, a package of its own with dependencies of its own.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { csi, installCsiDependencies, root } from './setup.mjs';

const modules = join(root, 'node_modules');
const STEPS = [
  [join(modules, 'typescript/bin/tsc'), '-p', 'tsconfig.json', '--noEmit'],
  [join(modules, 'eslint/bin/eslint.js'), '-c', '../eslint.config.js', '.'],
  [join(modules, 'vitest/vitest.mjs'), 'run', '--reporter=dot', 'manifests', 'fuzz'],
];

installCsiDependencies();
const failed = STEPS.filter(
  ([program, ...args]) =>
    spawnSync(process.execPath, [program, ...args], { cwd: csi, stdio: 'inherit' }).status !== 0,
);
process.exitCode = failed.length === 0 ? 0 : 1;
