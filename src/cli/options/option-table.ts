import { LOG_LEVELS } from '../../base/log.js';
import type { OptionForms, SettingsOf } from '../../base/option-form.js';
import {
  oneOf,
  path,
  permissionMask,
  seconds,
  size,
  tagMaybeSize,
  tagWord,
  userOrGroupId,
  wordOrPath,
} from '../../base/option-values.js';
import { SOURCES, SOURCE_OPTIONS } from '../../source/index.js';
import type { AnyOption } from './option-kinds.js';

const MIB = 1024 ** 2;

/** Below this, one dump's read-ahead would push out what its readers still need. */
const MIN_CACHE_BYTES = 8 * MIB;

const MAX_UNMOUNT_TIMEOUT_S = 3600;

/** Values of `--source`. */
export const SOURCE_NAMES = ['auto', ...SOURCES.map(({ name }) => name)];

const SERVE = ['mount'] as const;
/** What a mount needs of the machine. */
const NEEDED = ['mount', 'doctor'] as const;
const ASK_SOURCE = ['mount', 'list', 'doctor'] as const;
const ALL = ['mount', 'umount', 'list', 'info', 'save', 'watch', 'metrics', 'doctor'] as const;

const OF_SOURCE = { verbs: ASK_SOURCE, asksSource: true } as const;
const IN_SOURCE = { ...OF_SOURCE, group: 'Where dumps come from' } as const;
const IN_EVENTS = { verbs: NEEDED, group: 'How dumps are announced' } as const;
const IN_MOUNT = { verbs: SERVE, group: 'Mount' } as const;
const IN_LOCKDOWN = { verbs: ASK_SOURCE, group: 'Kernel lockdown' } as const;
const IN_MACHINE = { verbs: NEEDED, group: 'Mount' } as const;
const IN_LOG = { verbs: ['mount', 'umount', 'list'], group: 'Diagnostics' } as const;

/**
 * Every option once: long options, their `-o name=value` spelling, checks, defaults and help all come from here.
 * The order is that of `--help`.
 */
export const OPTIONS = {
  source: {
    kind: 'value',
    ...IN_SOURCE,
    metavar: SOURCE_NAMES.join('|'),
    default: 'auto',
    parse: oneOf(...SOURCE_NAMES),
    summary: 'firmware interface; auto takes the first that is there, sim is a simulated hypervisor',
  },
  dump: {
    kind: 'repeated',
    ...IN_SOURCE,
    metavar: 'TAG[:SIZE]',
    parse: tagMaybeSize,
    summary: 'a dump tag that is known by hand; repeatable',
  },
  events: {
    kind: 'value',
    ...IN_EVENTS,
    metavar: 'auto|proc|log|off',
    default: 'auto',
    parse: oneOf('auto', 'proc', 'log', 'off'),
    summary:
      "log: follow rtas_errd's log; proc: take firmware's events ourselves; auto: log where there is one",
  },
  platformLog: {
    kind: 'optional',
    ...IN_EVENTS,
    metavar: 'PATH',
    parse: path,
    usedWhileServing: true,
    summary: 'log that rtas_errd writes (default: /var/log/platform)',
  },
  errorLog: {
    kind: 'optional',
    ...IN_EVENTS,
    metavar: 'PATH',
    parse: path,
    usedWhileServing: true,
    summary:
      "the kernel's event log, which only one program can read (default: /proc/powerpc/rtas/error_log)",
  },
  stateFile: {
    kind: 'optional',
    ...IN_EVENTS,
    metavar: 'PATH',
    parse: path,
    usedWhileServing: true,
    summary: 'file that keeps the tags known for the next start (default: none)',
  },
  ...ofSources(SOURCE_OPTIONS),
  transport: {
    kind: 'value',
    ...IN_MACHINE,
    metavar: 'auto|kernel|fuse-native',
    default: 'auto',
    parse: oneOf('auto', 'kernel', 'fuse-native'),
    summary: 'how to speak FUSE; auto takes kernel where it or fusermount3 may mount, else fuse-native',
  },
  unlink: {
    kind: 'value',
    ...IN_MOUNT,
    metavar: 'delivered|saved|force|never',
    default: 'delivered',
    parse: oneOf('delivered', 'saved', 'force', 'never'),
    summary: 'when rm may destroy a dump: delivered to readers whole; saved by platdumpfs save as well',
  },
  readOnly: {
    kind: 'flag',
    ...IN_MOUNT,
    summary: 'nothing can be removed through this mount (-o ro)',
  },
  cacheSize: {
    kind: 'value',
    ...IN_MOUNT,
    metavar: 'SIZE',
    default: '64MiB',
    parse: size(MIN_CACHE_BYTES),
    summary: 'memory for blocks of dumps, at least 8 MiB; sizes take K, M, G, KiB, MiB, GiB',
  },
  spool: {
    kind: 'value',
    ...IN_MACHINE,
    metavar: 'auto|none|DIR',
    default: 'auto',
    parse: wordOrPath('auto', 'none'),
    usedWhileServing: true,
    summary: 'encrypted copies on disk while mounted; auto: where firmware would have to start over',
  },
  spoolSize: {
    kind: 'value',
    ...IN_MACHINE,
    metavar: 'SIZE',
    default: '16GiB',
    parse: size(MIB),
    summary: 'most that the spool may take on disk',
  },
  uid: {
    kind: 'optional',
    ...IN_MOUNT,
    metavar: 'N',
    parse: userOrGroupId,
    summary: 'owner of the files (default: the user who mounts)',
  },
  gid: {
    kind: 'optional',
    ...IN_MOUNT,
    metavar: 'N',
    parse: userOrGroupId,
    summary: 'group of the files (default: the group of the user who mounts)',
  },
  umask: {
    kind: 'value',
    ...IN_MOUNT,
    metavar: 'OCTAL',
    default: '0277',
    parse: permissionMask,
    summary: 'permissions that are taken away from files (0444) and directory (0777)',
  },
  allowOther: {
    kind: 'flag',
    ...IN_MOUNT,
    summary: 'users other than the one who mounts may ask; uid, gid and umask decide what they get',
  },
  daemon: {
    kind: 'flag',
    ...IN_MOUNT,
    summary: 'go to the background and return when the mount is usable, with the real exit status',
  },
  foreground: {
    kind: 'flag',
    ...IN_MOUNT,
    short: 'f',
    summary: 'stay in the foreground, also when called as a mount helper',
  },
  takeover: {
    kind: 'flag',
    ...IN_MOUNT,
    argvOnly: true,
    summary: 'go on with the mount of the daemon that serves it now, which ends; readers wait a moment',
  },
  unmountTimeout: {
    kind: 'value',
    verbs: ['mount', 'umount'],
    group: 'Mount',
    metavar: 'SECONDS',
    default: '5',
    parse: seconds(MAX_UNMOUNT_TIMEOUT_S),
    summary: 'how long to wait for a busy mount before it is detached',
  },
  lockdown: {
    kind: 'value',
    ...IN_LOCKDOWN,
    metavar: 'enforce|ignore',
    default: 'enforce',
    parse: oneOf('enforce', 'ignore'),
    summary: 'whether dumps disappear while kernel lockdown is at confidentiality',
  },
  lockdownFile: {
    kind: 'optional',
    ...IN_LOCKDOWN,
    metavar: 'PATH',
    parse: path,
    usedWhileServing: true,
    summary: 'file that says the level (default: /sys/kernel/security/lockdown)',
  },
  mountpoint: {
    kind: 'optional',
    verbs: ['info', 'save'],
    group: 'Where dumps come from',
    argvOnly: true,
    metavar: 'PATH',
    parse: path,
    summary: 'the mount to ask, where several are served',
  },
  all: {
    kind: 'flag',
    verbs: ['save'],
    group: 'Output',
    argvOnly: true,
    summary: 'every dump that is listed, instead of TAGs',
  },
  remove: {
    kind: 'flag',
    verbs: ['save'],
    group: 'Output',
    argvOnly: true,
    summary: 'remove each dump from firmware once its copy is complete and on disk',
  },
  checksum: {
    kind: 'flag',
    verbs: ['save'],
    group: 'Output',
    argvOnly: true,
    summary: 'write NAME.sha256 beside each copy, as sha256sum -c reads it',
  },
  volatile: {
    kind: 'flag',
    verbs: ['save'],
    group: 'Output',
    argvOnly: true,
    summary: 'copies in memory (tmpfs, ramfs), gone at the next boot, count as well',
  },
  measure: {
    kind: 'optional',
    verbs: ['doctor'],
    group: 'Output',
    argvOnly: true,
    metavar: 'TAG',
    parse: tagWord,
    summary: 'read this dump through once and print as JSON how firmware behaved; never invalidates',
  },
  output: {
    kind: 'optional',
    verbs: ['metrics'],
    group: 'Output',
    argvOnly: true,
    metavar: 'FILE',
    parse: path,
    summary: 'write to FILE, whole at any time, instead of standard output; an old one is replaced',
  },
  watch: {
    kind: 'flag',
    verbs: ['list'],
    group: 'Output',
    argvOnly: true,
    summary: 'show the table again whenever it changes, until interrupted; scripts use the command watch',
  },
  progress: {
    kind: 'flag',
    verbs: ['save'],
    group: 'Output',
    argvOnly: true,
    summary: 'with --json: a line twice a second says how far it is',
  },
  json: {
    kind: 'flag',
    verbs: ['list', 'info', 'save', 'watch', 'doctor'],
    group: 'Output',
    argvOnly: true,
    summary:
      'for scripts: list prints a JSON array, info and doctor an object, save and watch an object per line',
  },
  traceRtas: {
    kind: 'optional',
    verbs: SERVE,
    group: 'Diagnostics',
    metavar: 'FILE',
    parse: path,
    usedWhileServing: true,
    summary: 'append one JSON line per firmware call to FILE, a regular file of your own',
  },
  logFile: {
    kind: 'optional',
    verbs: SERVE,
    group: 'Diagnostics',
    usedWhileServing: true,
    metavar: 'FILE',
    parse: path,
    summary:
      'append log lines to FILE, which SIGHUP opens again (default: standard error; journal or syslog with --daemon)',
  },
  logLevel: {
    kind: 'value',
    ...IN_LOG,
    metavar: LOG_LEVELS.join('|'),
    default: 'info',
    parse: oneOf(...LOG_LEVELS),
    summary: 'least severity that is logged',
  },
  logFormat: {
    kind: 'optional',
    ...IN_LOG,
    metavar: 'text|json',
    parse: oneOf('text', 'json'),
    summary: 'form of log lines (default: text on a terminal and in the journal, else json)',
  },
  help: { kind: 'flag', verbs: ALL, group: 'Output', short: 'h', argvOnly: true, summary: 'show this text' },
} as const satisfies Record<string, AnyOption>;

export type OptionKey = keyof typeof OPTIONS;

/** Values of all options; those that a command does not take have their defaults. */
export type Settings = SettingsOf<typeof OPTIONS>;

/** Options that belong to sources, with what the table adds to each. */
function ofSources<O extends OptionForms>(options: O): { [K in keyof O]: O[K] & typeof OF_SOURCE } {
  const rows = Object.entries(options).map(([key, option]) => [key, { ...option, ...OF_SOURCE }]);
  return Object.fromEntries(rows) as { [K in keyof O]: O[K] & typeof OF_SOURCE };
}
