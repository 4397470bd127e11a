#!/usr/bin/env node
// npm run build: the page as Cockpit serves it, in dist/. Everything it needs is inside; at run time it asks nobody else.
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { po } from 'gettext-parser';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, 'dist');

/** Cockpit brings PatternFly's typefaces for all its pages. What PatternFly's own style sheet would fetch is not shipped. */
const FONTS = [
  'RedHatText-Regular:400',
  'RedHatText-Bold:700',
  'RedHatDisplay-Bold:700',
  'RedHatMono-Regular:400',
].map((one) => {
  const [file = '', weight] = one.split(':');
  const family = file.replace(/-.*/, '');
  return `@font-face{font-family:${family};font-weight:${weight};font-display:fallback;src:url("../../static/fonts/${file}.woff2") format("woff2")}`;
});

rmSync(out, { recursive: true, force: true });
mkdirSync(out);
await build({
  entryPoints: [join(here, 'src/index.tsx')],
  outdir: out,
  bundle: true,
  minify: true,
  format: 'iife',
  target: ['es2022'],
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'linked',
  external: ['../../static/*'],
  loader: {
    '.woff2': 'empty',
    '.woff': 'empty',
    '.ttf': 'empty',
    '.svg': 'empty',
    '.jpg': 'empty',
    '.png': 'empty',
  },
  logLevel: 'warning',
});
const css = join(out, 'index.css');
const kept = readFileSync(css, 'utf8').replace(/@font-face\s*\{[^}]*\}/g, '');
writeFileSync(css, `${FONTS.join('')}${kept}`);
for (const file of ['index.html', 'manifest.json']) cpSync(join(here, 'src', file), join(out, file));
for (const file of readdirSync(join(here, 'po'))) if (file.endsWith('.po')) writeTranslation(file);

/** What cockpit.js asks for as `po.js`: texts, and the rule by which the language counts. */
function writeTranslation(file) {
  const { headers, translations } = po.parse(readFileSync(join(here, 'po', file)));
  const language = basename(file, '.po');
  const rule = /plural=([^;]+)/.exec(headers['Plural-Forms'])?.[1] ?? 'n != 1';
  const entries = Object.values(translations[''])
    .filter(({ msgid }) => msgid !== '')
    .map(({ msgid, msgstr }) => [msgid, [null, ...msgstr]]);
  const texts = JSON.stringify(Object.fromEntries(entries)).slice(1);
  const head = `{"":{"plural-forms":(n)=>${rule},"language":${JSON.stringify(language)},"language-direction":"ltr"},`;
  writeFileSync(join(out, `po.${language}.js`), `cockpit.locale(${head}${texts});\n`);
}
