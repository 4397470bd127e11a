import { usageError } from './exit-status.js';
import { generalHelp, isVerb, verbHelp } from './options/help.js';
import type { MountRequest } from './mount/mount-request.js';
import { mountRequest } from './mount/mount-request.js';
import type { Verb } from './options/option-kinds.js';
import { parseOptions } from './options/parse-options.js';
import { printOut } from './print.js';
import { version } from './version.js';

/** Carries out a command line. @returns the exit status @throws CommandError */
export async function run(args: readonly string[]): Promise<number> {
  checkCharacters(args);
  const [word, ...rest] = args;
  if (word === undefined) throw usageError('no command given (see platdumpfs --help)');
  if (word === '--help' || word === '-h') return show(generalHelp());
  if (word === '--version' || word === '-V') return show(`platdumpfs ${version()}\n`);
  if (word === 'help') return show(helpOn(rest));
  if (isVerb(word)) return runVerb(word, rest, args);
  return mountAsHelper(args);
}

/** What a verb needs is loaded when it is used: modules are most of what a short command costs. */
async function runVerb(verb: Verb, rest: readonly string[], args: readonly string[]): Promise<number> {
  const parsed = parseOptions(verb, rest);
  if (parsed.settings.help) return show(verbHelp(verb));
  switch (verb) {
    case 'mount':
      return mount(mountRequest(parsed, false), args);
    case 'umount':
      return (await import('./mount/umount-command.js')).umountCommand(parsed);
    case 'list':
      return (await import('./query/list-command.js')).listCommand(parsed);
    case 'info':
      return (await import('./query/info-command.js')).infoCommand(parsed);
    case 'save':
      return (await import('./save/save-command.js')).saveCommand(parsed);
    case 'doctor':
      return (await import('./doctor/doctor-command.js')).doctorCommand(parsed);
    case 'watch':
      return (await import('./query/watch-command.js')).watchCommand(parsed);
  }
}

async function mount(request: MountRequest, args: readonly string[]): Promise<number> {
  const { mountCommand } = await import('./mount/mount-command.js');
  return mountCommand(request, args);
}

/** `platdumpfs SOURCE MOUNTPOINT -o ...`, as mount.fuse calls us. */
async function mountAsHelper(args: readonly string[]): Promise<number> {
  const parsed = parseOptions('mount', args);
  const [first, second] = parsed.positionals;
  if (first === undefined || second === undefined || isVerb(first))
    throw usageError(`unknown command ${quoted(args[0])} (see platdumpfs --help)`);
  return mount(mountRequest(parsed, true), args);
}

function helpOn(words: readonly string[]): string {
  const [verb] = words;
  if (verb === undefined) return generalHelp();
  if (!isVerb(verb)) throw usageError(`no help on "${verb}": it is no command`);
  return verbHelp(verb);
}

/** Node.js puts U+FFFD where bytes are no UTF-8: which file or directory was meant cannot be known any more. */
function checkCharacters(args: readonly string[]): void {
  const lost = args.find((arg) => arg.includes('\uFFFD'));
  if (lost !== undefined)
    throw usageError(`${quoted(lost)} is not UTF-8, which this program cannot take: use another name`);
}

async function show(text: string): Promise<number> {
  await printOut(text);
  return 0;
}

function quoted(word: string | undefined): string {
  return `"${word ?? ''}"`;
}
