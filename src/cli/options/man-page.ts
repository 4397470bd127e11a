import { VERBS, groupsOf } from './help.js';
import type { AnyOption, Verb } from './option-kinds.js';
import { longName } from './option-kinds.js';
import { version } from '../version.js';

const verbs = Object.keys(VERBS) as Verb[];

/** platdumpfs(8) as troff source, from the tables that `--help` is made of. @see man(7) */
export function manPage(): string {
  return [
    `.TH PLATDUMPFS 8 "" "platdumpfs ${version()}" "System administration"`,
    '.SH NAME',
    text('platdumpfs - IBM Power platform dumps as files'),
    '.SH SYNOPSIS',
    ...verbs.flatMap((verb) => VERBS[verb].synopsis).flatMap((line) => ['.B', text(line), '.br']),
    '.SH DESCRIPTION',
    ...DESCRIPTION.flatMap((paragraph) => ['.PP', text(paragraph)]),
    '.SH COMMANDS',
    ...verbs.flatMap(commandSection),
    '.SH EXIT STATUS',
    ...EXIT_STATUSES.flatMap(([status, meaning]) => ['.TP', `.B ${status}`, text(meaning)]),
    '.SH SEE ALSO',
    '.BR mount (8),',
    '.BR umount (8),',
    '.BR fstab (5),',
    '.BR getfattr (1)',
    '',
  ].join('\n');
}

const DESCRIPTION = [
  'A platform dump waits in the hypervisor until the operating system has saved it and says so. platdumpfs shows the ' +
    'dumps that wait as read-only files, named by tag, with their true sizes.',
  'Removing a file tells firmware to forget the dump, which cannot be undone. It is refused until every byte has been ' +
    'delivered to readers through this mount. Nothing else ever makes firmware forget a dump.',
  'While kernel lockdown is at confidentiality no dump is shown.',
];

const EXIT_STATUSES = [
  [0, 'done'],
  [1, 'failed'],
  [2, 'usage'],
  [3, 'no firmware interface'],
  [4, 'locked down'],
  [5, 'could not mount'],
] as const;

function commandSection(verb: Verb): string[] {
  const { synopsis, about, notes = [] } = VERBS[verb];
  return [
    '.SS',
    text(synopsis[0] ?? verb),
    text(about),
    ...(notes.length === 0 ? [] : ['.PP', text(notes.join(' '))]),
    ...groupsOf(verb).flatMap(([group, options]) => [
      '.PP',
      `.I ${text(`${group}:`)}`,
      ...options.flatMap(([key, option]) => [
        '.TP',
        `.B ${text(optionHead(key, option))}`,
        text(optionText(option)),
      ]),
    ]),
  ];
}

function optionHead(key: string, option: AnyOption): string {
  const short = option.short === undefined ? '' : `-${option.short}, `;
  return `${short}--${longName(key)}${option.kind === 'flag' ? '' : `=${option.metavar}`}`;
}

function optionText(option: AnyOption): string {
  return option.kind === 'value' ? `${option.summary} (default: ${option.default})` : option.summary;
}

/** Not to be taken for a request, nor its dashes for hyphens. */
function text(words: string): string {
  const escaped = words.replaceAll('\\', '\\e').replaceAll('-', '\\-');
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
