import { VERBS, groupsOf } from './help.js';
import type { AnyOption, Verb } from './option-kinds.js';
import { longName } from './option-kinds.js';
import { version } from '../version.js';

const verbs = Object.keys(VERBS) as Verb[];

/** platdumpfs(8) as troff source, from the tables that `--help` is made of. @see man(7) */
export function manPage(): string {
  return [
    `.TH PLATDUMPFS 8 "2026-11-27" "platdumpfs ${version()}" "System administration"`,
    '.SH NAME',
    text('platdumpfs - IBM Power platform dumps as files'),
    '.SH SYNOPSIS',
    ...verbs
      .flatMap((verb) => VERBS[verb].synopsis)
      .flatMap((line, at) => [...(at === 0 ? [] : ['.br']), '.B', text(line)]),
    '.SH DESCRIPTION',
    ...DESCRIPTION.flatMap((paragraph, at) => [...(at === 0 ? [] : ['.PP']), text(paragraph)]),
    '.SH COMMANDS',
    ...verbs.flatMap(commandSection),
    '.SH EXIT STATUS',
    ...EXIT_STATUSES.flatMap(([status, meaning]) => ['.TP', `.B ${status}`, text(meaning)]),
    ...tagged('FILES', FILES),
    ...tagged('ENVIRONMENT', ENVIRONMENT),
    ...tagged('SIGNALS', SIGNALS),
    '.SH EXAMPLES',
    ...EXAMPLES.flatMap(([about, ...lines], at) => [
      ...(at === 0 ? [] : ['.PP']),
      text(about),
      '.PP',
      '.RS 4',
      '.nf',
      ...lines.map(text),
      '.fi',
      '.RE',
    ]),
    '.SH SEE ALSO',
    '.BR getfattr (1),',
    '.BR fstab (5),',
    '.BR platdumpfs\\-semantics (7),',
    '.BR mount (8),',
    '.BR mount.platdumpfs (8),',
    '.BR umount (8)',
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

type Entries = readonly (readonly [string, string])[];

const FILES: Entries = [
  ['/dev/papr-platform-dump', 'the firmware interface of source papr'],
  ['/sys/firmware/opal/dump', 'that of source opal'],
  ['/sys/kernel/security/lockdown', 'the lockdown level; see --lockdown-file'],
  ['/var/log/platform', 'log of rtas_errd, from which dumps are learned; see --platform-log'],
  [
    '/run/platdumpfs',
    'control sockets of daemons of root; what the next process has to know of a mount that it is to go on with',
  ],
  ['/var/cache/platdumpfs', 'spool: files without a name, encrypted with keys that exist in memory only'],
  ['/var/lib/platdumpfs/tags', 'tags that the service has known before; see --state-file'],
  [
    '/etc/platdumpfs/platdumpfs.env',
    'settings of the service and of its metrics: PLATDUMPFS_MOUNTPOINT (default: /mnt/dumps), PLATDUMPFS_OPTIONS ' +
      '(options of mount), PLATDUMPFS_TEXTFILE (what platdumpfs-metrics.timer writes, ' +
      'default: /var/lib/prometheus/node-exporter/platdumpfs.prom)',
  ],
  ['/etc/platdumpfs/extract_platdump.conf', 'what our extract_platdump does when rtas_errd runs it'],
];

const ENVIRONMENT: Entries = [
  ['RUNTIME_DIRECTORY', 'directory of the control sockets, as systemd sets it'],
  ['XDG_RUNTIME_DIR', 'control sockets of users other than root are in its directory platdumpfs'],
  ['CACHE_DIRECTORY', 'directory of the spool, as systemd sets it'],
  ['XDG_CACHE_HOME', 'the spool of users other than root is in its directory platdumpfs'],
  ['NOTIFY_SOCKET', 'where systemd is told that the mount is usable'],
  ['SYSTEMD_EXEC_PID', 'the process that systemd has started, which no other one takes the mount from'],
  ['WATCHDOG_USEC, WATCHDOG_PID', 'how often systemd wants to hear that the daemon answers readers'],
  ['FDSTORE', 'systemd has room to keep the mount while the service is restarted'],
  ['LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID', 'the mount that it has kept'],
  ['JOURNAL_STREAM', 'log lines have a form of their own where standard error is the journal'],
];

const SIGNALS: Entries = [
  [
    'SIGINT, SIGTERM',
    'mount unmounts and ends; a busy mount is waited for (--unmount-timeout), then detached. A second one detaches at once. ' +
      'save ends by the signal and leaves no half copy; watch and list --watch end with status 0.',
  ],
  [
    'SIGHUP',
    'does not end a daemon: it opens its --log-file again, and the service takes the log level of its settings',
  ],
];

const EXAMPLES: readonly (readonly [string, ...string[]])[] = [
  ['Serve the dumps of this machine until the next boot:', 'platdumpfs mount /mnt/dumps --daemon'],
  ['The same at each boot:', 'systemctl enable --now platdumpfs'],
  [
    'Go on with the mount of the first after an upgrade; readers wait a moment:',
    'platdumpfs mount /mnt/dumps --daemon --takeover',
  ],
  [
    'Save all of them, compared and on disk, and let firmware forget them:',
    'platdumpfs save --all --remove /var/dumps',
  ],
  ['Ask firmware for a dump whose tag is known:', 'stat /mnt/dumps/0x0000000200000001'],
  ['Try it without Power hardware:', 'platdumpfs mount sim /mnt/dumps --daemon'],
  ['In fstab(5):', 'none /mnt/dumps platdumpfs noauto,x-systemd.automount 0 0'],
];

function tagged(heading: string, entries: Entries): string[] {
  return [`.SH ${heading}`, ...entries.flatMap(([name, about]) => ['.TP', `.B ${text(name)}`, text(about)])];
}

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
