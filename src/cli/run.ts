import { EXIT, usageError } from './exit-status.js';
import { generalHelp, isVerb, verbHelp } from './options/help.js';
import type { HelperCall } from './mount/helper-call.js';
import { helperCall, MOUNT_HELPER } from './mount/helper-call.js';
import { mountRequest } from './mount/mount-request.js';
import type { Verb } from './options/option-kinds.js';
import type { ParsedOptions } from './options/parse-options.js';
import { parseOptions } from './options/parse-options.js';
import { printOut } from './print.js';
import { version } from './version.js';

/**
 * Carries out a command line.
 *
 * @param program the name by which we were started
 * @returns the exit status
 * @throws CommandError
 */
export async function run(args: readonly string[], program: string): Promise<number> {
  checkCharacters(args);
  if (program === MOUNT_HELPER) return mountAsHelper(helperCall(args), args);
  const [word, ...rest] = args;
  if (word === undefined) throw usageError('no command given (see platdumpfs --help)');
  if (word === '--help' || word === '-h') return show(generalHelp());
  if (word === '--version' || word === '-V') return show(`platdumpfs ${version()}\n`);
  if (word === 'help') return show(helpOn(rest));
  if (isVerb(word)) return runVerb(word, rest, args);
  return mountAsHelper({ args, fake: false, sloppy: false }, args);
}

/** What a verb needs is loaded when it is used: modules are most of what a short command costs. */
async function runVerb(verb: Verb, rest: readonly string[], args: readonly string[]): Promise<number> {
  const parsed = parseOptions(verb, rest);
  if (parsed.settings.help) return show(verbHelp(verb));
  switch (verb) {
    case 'mount':
      return mount(parsed, false, args);
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
    case 'metrics':
      return (await import('./metrics/metrics-command.js')).metricsCommand(parsed);
    case 'watch':
      return (await import('./query/watch-command.js')).watchCommand(parsed);
  }
}

async function mount(parsed: ParsedOptions, asHelper: boolean, args: readonly string[]): Promise<number> {
  if (parsed.remount) return (await import('./mount/remount-command.js')).remountCommand(parsed);
  const request = mountRequest(parsed, asHelper);
  const { mountCommand } = await import('./mount/mount-command.js');
  return mountCommand(request, args);
}

/** `platdumpfs SOURCE MOUNTPOINT -o ...`, as mount.fuse calls us. */
async function mountAsHelper(call: HelperCall, args: readonly string[]): Promise<number> {
  const parsed = parseOptions('mount', call.args, call.sloppy);
  const [first, second] = parsed.positionals;
  if (first === undefined || second === undefined || isVerb(first))
    throw usageError(`unknown command ${quoted(args[0])} (see platdumpfs --help)`);
  if (call.fake) {
    mountRequest(parsed, true);
    return EXIT.done;
  }
  return mount(parsed, true, args);
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
