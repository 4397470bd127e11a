#!/usr/bin/env node
// Writes dist/platdumpfs.8 and dist/platdumpfs.bash from the same tables as --help, and puts the manual pages that are
// written by hand beside them. After npm run build.
import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const { bashCompletion, manPage } = await import(join(root, 'build', 'cli', 'options', 'man-page.js'));

writeFileSync(join(root, 'dist', 'platdumpfs.8'), manPage());
writeFileSync(join(root, 'dist', 'platdumpfs.bash'), bashCompletion());

const pages = join(root, 'packaging', 'man');
for (const page of readdirSync(pages)) copyFileSync(join(pages, page), join(root, 'dist', page));
