#!/usr/bin/env node
// Writes dist/platdumpfs.8 and dist/platdumpfs.bash from the same tables as --help. After npm run build.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const { bashCompletion, manPage } = await import(join(root, 'build', 'cli', 'man-page.js'));

writeFileSync(join(root, 'dist', 'platdumpfs.8'), manPage());
writeFileSync(join(root, 'dist', 'platdumpfs.bash'), bashCompletion());
