import type { AnyOption, Verb } from './option-kinds.js';
import { longName } from './option-kinds.js';
import type { OptionKey } from './option-table.js';
import { optionsOf } from './parse-options.js';

export interface VerbHelp {
  readonly synopsis: readonly string[];
  readonly about: string;
  readonly notes?: readonly string[];
  /** What may stand there besides options, for the shells' completion. */
  readonly operands: readonly Operand[];
}

/** `mountpoint`: one that is served. */
export type Operand = 'source' | 'directory' | 'mountpoint' | 'tag';

export const VERBS: Record<Verb, VerbHelp> = {
  mount: {
    operands: ['source', 'directory'],
    synopsis: [
      'platdumpfs mount [SOURCE] MOUNTPOINT [OPTION]...',
      'platdumpfs SOURCE MOUNTPOINT [-o OPTION[,OPTION]...]',
    ],
    about: 'Serves platform dumps as files until unmounted (umount, SIGINT, SIGTERM).',
    notes: [
      'SOURCE is a value of --source, or none. MOUNTPOINT is a directory, or /dev/fd/N: a FUSE device that is mounted',
      'already. Without the word mount (the form that mount(8) uses) the program goes to the background.',
      'Every option may be written -o name=value as well, as in fstab; a comma in a value is written \\,',
      'The usual words of mount(8) are accepted: ro, noexec, noatime, nofail, _netdev, x-..., context=...',
    ],
  },
  umount: {
    operands: ['mountpoint'],
    synopsis: ['platdumpfs umount MOUNTPOINT [OPTION]...'],
    about: 'Unmounts, also what a killed daemon left behind. No dump is lost.',
  },
  list: {
    operands: ['mountpoint'],
    synopsis: ['platdumpfs list [MOUNTPOINT] [OPTION]...'],
    about: 'Shows the dumps, without touching firmware.',
    notes: [
      'Asks the daemon at MOUNTPOINT, or all of this user; where none runs, or a source is given, the source. One that',
      'does not answer is named on standard error, and the exit status is 1.',
    ],
  },
  info: {
    operands: ['tag'],
    synopsis: ['platdumpfs info TAG [OPTION]...'],
    about: 'Shows all that a running mount knows of one dump, without touching firmware.',
  },
  save: {
    operands: ['tag', 'directory'],
    synopsis: ['platdumpfs save TAG... DIR [OPTION]...', 'platdumpfs save --all DIR [OPTION]...'],
    about: 'Copies dumps from a running mount into DIR, each complete and checked or not at all.',
    notes: [
      'A copy has the name that the dump suggests for itself, else its tag. No file is overwritten: where another file',
      'has the name, the tag is added, then a number; where the same dump has been saved before, that is said and enough.',
      'A copy is synced and compared before --remove removes the dump, which mv(1) does not do. The mount is told of it, as',
      '--unlink=saved asks for; of one in memory only with --volatile.',
      '--checksum changes no NAME.sha256 that is there: where it says something else, the dump is saved and not removed.',
    ],
  },
  watch: {
    operands: ['mountpoint'],
    synopsis: ['platdumpfs watch [MOUNTPOINT] [OPTION]...'],
    about: 'Prints a line for each dump that appears, vanishes or changes, until interrupted.',
    notes: ['Asks the daemon at MOUNTPOINT, or the only one that runs, and ends when that ends.'],
  },
  metrics: {
    operands: ['mountpoint'],
    synopsis: ['platdumpfs metrics [MOUNTPOINT] [OPTION]...'],
    about: 'Prints what Prometheus collects of a running mount: how many dumps wait, firmware calls, errors.',
    notes: [
      'Asks the daemon at MOUNTPOINT, or all of this user. Of one that does not answer it prints platdumpfs_up 0, and the',
      "exit status is 1. With --output it feeds the textfile collector of Prometheus' node_exporter.",
    ],
  },
  doctor: {
    operands: ['directory'],
    synopsis: ['platdumpfs doctor [MOUNTPOINT] [OPTION]...', 'platdumpfs doctor --measure TAG [OPTION]...'],
    about:
      'Checks everything that a mount with the same options needs, and says what to do. Changes nothing.',
    notes: [
      'Exit status: 0 a mount would work, 3 no firmware interface, 4 locked down, 1 something else is missing.',
    ],
  },
};

const EXIT_STATUSES =
  'Exit status: 0 done, 1 failed, 2 usage, 3 no firmware interface, 4 locked down, 5 could not mount.';

export function isVerb(word: string | undefined): word is Verb {
  return word !== undefined && Object.hasOwn(VERBS, word);
}

export function generalHelp(): string {
  const verbs = Object.entries(VERBS).map(
    ([, { synopsis, about }]) => `  ${synopsis[0] ?? ''}\n      ${about}\n`,
  );
  return [
    'Usage: platdumpfs COMMAND ...\n',
    'IBM Power platform dumps as files.\n',
    ...verbs,
    '  platdumpfs help COMMAND\n      Shows the options of a command.\n',
    '  platdumpfs --version\n',
    EXIT_STATUSES,
    '',
  ].join('\n');
}

export function verbHelp(verb: Verb): string {
  const { synopsis, about, notes } = VERBS[verb];
  return [
    ...synopsis.map((line, index) => `${index === 0 ? 'Usage: ' : '       '}${line}`),
    '',
    about,
    ...(notes === undefined ? [] : ['', ...notes]),
    ...groupsOf(verb).flatMap(([group, options]) => ['', `${group}:`, ...options.map(optionHelp)]),
    '',
    EXIT_STATUSES,
    '',
  ].join('\n');
}

/** The options of a command under their headings. */
export function groupsOf(verb: Verb): [string, [OptionKey, AnyOption][]][] {
  const byGroup = new Map<string, [OptionKey, AnyOption][]>();
  for (const entry of optionsOf(verb))
    byGroup.set(entry[1].group, [...(byGroup.get(entry[1].group) ?? []), entry]);
  return [...byGroup];
}

function optionHelp([key, option]: [OptionKey, AnyOption]): string {
  const short = option.short === undefined ? '' : `-${option.short}, `;
  const value = option.kind === 'flag' ? '' : ` ${option.metavar}`;
  const fallback = option.kind === 'value' ? ` (default: ${option.default})` : '';
  return `  ${short}--${longName(key)}${value}\n      ${option.summary}${fallback}`;
}
