#!/usr/bin/env node
// npm run picture: runs a session with the simulated hypervisor and draws the terminal as docs/pictures/terminal.svg.
// `npm run picture:check` fails where the picture says something else than the program does today.
//
// Needs root and /dev/fuse: it works in a mount namespace of its own, so that paths look as a user's do.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, fail, installDependencies, root, say } from './setup.mjs';

const PICTURE = join(root, 'docs/pictures/terminal.svg');

/** What is typed. Nothing of it shows a time, a size of memory or a process: each run looks the same. */
const SESSION = [
  "cd /mnt/dumps; stat --format '%10s  %n' *",
  'head -c 24 0x0000000101000002 | od -c | head -1',
  'rm 0x0000000200000001',
  'platdumpfs save --checksum 200000001 /mnt/saved',
  'cd /mnt/saved; sha256sum -c *.sha256',
  'rm /mnt/dumps/0x0000000200000001; ls /mnt/dumps',
];

if (process.getuid() !== 0 || !existsSync('/dev/fuse')) {
  say('skipped: the picture of the terminal needs root and /dev/fuse');
} else if (process.argv[2] === '--inside') {
  inside(process.argv[3]);
} else {
  installDependencies();
  build();
  const runtime = mkdtempSync(join(tmpdir(), 'platdumpfs-picture-'));
  const script = 'mount -t tmpfs tmpfs /mnt && mkdir /mnt/dumps /mnt/saved && exec "$@"';
  const again = [process.execPath, fileURLToPath(import.meta.url), '--inside', join(runtime, 'picture.svg')];
  const { status } = spawnSync(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...again],
    {
      stdio: 'inherit',
      env: {
        ...process.env,
        RUNTIME_DIRECTORY: runtime,
        LC_ALL: 'C.UTF-8',
        PATH: `${join(root, 'bin')}:${process.env.PATH}`,
      },
    },
  );
  if (status !== 0) fail('the session failed');
  const drawn = readFileSync(join(runtime, 'picture.svg'), 'utf8');
  rmSync(runtime, { recursive: true });
  if (!process.argv.includes('--check')) writeFileSync(PICTURE, drawn);
  else if (!existsSync(PICTURE) || readFileSync(PICTURE, 'utf8') !== drawn)
    fail('docs/pictures/terminal.svg shows what the program does not say any more: npm run picture');
}

function inside(file) {
  const lines = [];
  let directory = '/';
  const mounted = spawnSync('platdumpfs', ['mount', 'sim', '/mnt/dumps', '--daemon'], { encoding: 'utf8' });
  if (mounted.status !== 0) fail(mounted.stderr);
  try {
    for (const command of SESSION) {
      lines.push({ prompt: true, text: command });
      const shell = `cd ${directory}; ${command}; echo "status:$PWD" >&3`;
      const { stdout, stderr, output } = spawnSync('sh', ['-c', `exec 2>&1; ${shell}`], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      });
      directory = /status:(.*)/.exec(output[3])?.[1] ?? directory;
      for (const text of `${stdout}${stderr}`.split('\n').slice(0, -1)) lines.push({ prompt: false, text });
    }
  } finally {
    spawnSync('platdumpfs', ['umount', '/mnt/dumps'], { cwd: '/' });
  }
  writeFileSync(file, svg(lines));
}

/** @param lines of the terminal, from above */
function svg(lines) {
  const lineHeight = 19;
  const width = 60 + Math.max(...lines.map(({ text, prompt }) => text.length + (prompt ? 2 : 0))) * 8.45;
  const height = 40 + lines.length * lineHeight;
  const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const rows = lines.map(({ text, prompt }, index) => {
    const y = 32 + index * lineHeight;
    const words = prompt
      ? `<tspan fill="#7fd17f"># </tspan><tspan fill="#ffffff">${escaped(text)}</tspan>`
      : escaped(text);
    return `<text x="24" y="${y}" xml:space="preserve">${words}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width)}" height="${height}" role="img" aria-label="A terminal: dumps are listed, saved and removed">
<rect width="100%" height="100%" rx="8" fill="#1e2430"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', monospace" font-size="14" fill="#c8d0dc">
${rows.join('\n')}
</g>
</svg>
`;
}
