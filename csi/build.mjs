#!/usr/bin/env node
// npm run build: one file, dist/platdumpfs-csi.mjs, which needs nothing but the protocol files beside it.
import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const here = import.meta.dirname;
const program = join(here, 'dist/platdumpfs-csi.mjs');
const compiler = join(here, '../node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [compiler, '-p', join(here, 'tsconfig.json'), '--noEmit'], {
  stdio: 'inherit',
});
const bundle = await rolldown({
  cwd: here,
  input: join(here, 'src/main.ts'),
  platform: 'node',
  resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
});
await bundle.write({
  file: program,
  format: 'esm',
  codeSplitting: false,
  comments: { legal: true },
});
await bundle.close();
chmodSync(program, 0o755);
process.exitCode = status ?? 1;
