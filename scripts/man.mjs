#!/usr/bin/env node
// Writes dist/platdumpfs.8 and the completion of three shells from the same tables as --help, and puts the manual pages that are
// written by hand beside them. After npm run build.
import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const options = join(root, 'build', 'cli', 'options');
const { manPage } = await import(join(options, 'man-page.js'));
const { bashCompletion, fishCompletion, zshCompletion } = await import(join(options, 'completion.js'));

writeFileSync(join(root, 'dist', 'platdumpfs.8'), manPage());
writeFileSync(join(root, 'dist', 'platdumpfs.bash'), bashCompletion());
writeFileSync(join(root, 'dist', 'platdumpfs.zsh'), zshCompletion());
writeFileSync(join(root, 'dist', 'platdumpfs.fish'), fishCompletion());

const pages = join(root, 'packaging', 'man');
for (const page of readdirSync(pages)) copyFileSync(join(pages, page), join(root, 'dist', page));
