import type { StoreUsage } from '../../dump/index.js';
import type { AnswerCounts } from '../../fs/index.js';
import type { DaemonStatus } from '../control/control-protocol.js';
import type { ListedDump } from '../query/listed-dump.js';

/** What there is to be told of, as a moment has it. */
export interface Measured {
  readonly status: DaemonStatus;
  readonly level: LevelWord;
  readonly isHidden: boolean;
  readonly nowMs: number;
  readonly dumps: readonly ListedDump[];
  readonly usage: StoreUsage;
  readonly answers: AnswerCounts;
}

/** `none`, too, where the kernel has no lockdown; `unknown` where nobody can tell. */
export const LEVEL_WORDS = ['none', 'integrity', 'confidentiality', 'ignored', 'unknown'] as const;
export type LevelWord = (typeof LEVEL_WORDS)[number];

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Metric {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  /** As docs/metrics.md has it; `-`: a mere number. */
  readonly unit: '-' | 'bytes' | 'seconds';
  readonly help: string;
  readonly labels?: readonly string[];
  /** Tells nothing of a dump: shown at every lockdown level. */
  readonly isAlwaysShown?: true;
  readonly samples: (measured: Measured) => readonly Sample[];
}

/** Every metric once, in the order in which they are printed. Each also has the label `mountpoint`. */
export const METRICS: readonly Metric[] = [
  {
    name: 'platdumpfs_up',
    type: 'gauge',
    unit: '-',
    help: '1: the daemon answers; 0, from the command metrics: it does not',
    isAlwaysShown: true,
    samples: () => one(1),
  },
  {
    name: 'platdumpfs_build_info',
    type: 'gauge',
    unit: '-',
    help: 'always 1: what the daemon is',
    labels: ['version', 'source', 'transport'],
    isAlwaysShown: true,
    samples: ({ status: { version, source, transport } }) => [
      { labels: { version, source, transport }, value: 1 },
    ],
  },
  {
    name: 'platdumpfs_lockdown_level',
    type: 'gauge',
    unit: '-',
    help: '1 for the level that kernel lockdown has, 0 for the others',
    labels: ['level'],
    isAlwaysShown: true,
    samples: ({ level }) =>
      LEVEL_WORDS.map((word) => ({ labels: { level: word }, value: flag(word === level) })),
  },
  {
    name: 'platdumpfs_dumps_hidden',
    type: 'gauge',
    unit: '-',
    help: '1: lockdown hides every dump until the daemon is started again',
    isAlwaysShown: true,
    samples: ({ isHidden }) => one(flag(isHidden)),
  },
  {
    name: 'platdumpfs_dumps_waiting',
    type: 'gauge',
    unit: '-',
    help: 'dumps that are listed, so that firmware keeps them until they are removed',
    samples: ({ dumps }) => one(dumps.length),
  },
  {
    name: 'platdumpfs_dumps_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'sizes of the listed dumps, as far as they are known, in all',
    samples: ({ dumps }) => one(dumps.reduce((sum, { size }) => sum + (size ?? 0), 0)),
  },
  {
    name: 'platdumpfs_dumps_without_size',
    type: 'gauge',
    unit: '-',
    help: 'listed dumps whose size nobody knows yet',
    samples: ({ dumps }) => one(dumps.filter(({ size }) => size === null).length),
  },
  {
    name: 'platdumpfs_oldest_dump_age_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'since the oldest listed dump was announced or first seen; 0 without a dump',
    samples: ({ dumps, nowMs }) =>
      one(Math.max(0, ...dumps.map(({ firstSeen }) => (nowMs - Date.parse(firstSeen)) / 1000))),
  },
  {
    name: 'platdumpfs_firmware_calls_total',
    type: 'counter',
    unit: '-',
    help: 'firmware calls that came back, by how; a source may wait out busy answers within one',
    labels: ['operation', 'status'],
    samples: ({ usage }) =>
      usage.firmware.map(({ operation, result: status, calls }) => ({
        labels: { operation, status },
        value: calls,
      })),
  },
  {
    name: 'platdumpfs_firmware_call_seconds_total',
    type: 'counter',
    unit: 'seconds',
    help: 'time that those calls took, over all threads',
    labels: ['operation', 'status'],
    samples: ({ usage }) =>
      usage.firmware.map(({ operation, result: status, seconds }) => ({
        labels: { operation, status },
        value: seconds,
      })),
  },
  {
    name: 'platdumpfs_firmware_bytes_total',
    type: 'counter',
    unit: 'bytes',
    help: 'what firmware has handed over',
    samples: ({ usage }) => one(usage.firmwareBytes),
  },
  {
    name: 'platdumpfs_reads_total',
    type: 'counter',
    unit: '-',
    help: 'read requests of the kernel: answered from memory at once, or after waiting for firmware or the spool',
    labels: ['answered'],
    samples: ({ answers }) => [
      { labels: { answered: 'at_once' }, value: answers.readsAtOnce },
      { labels: { answered: 'after_waiting' }, value: answers.readsAfterWaiting },
    ],
  },
  {
    name: 'platdumpfs_read_bytes_total',
    type: 'counter',
    unit: 'bytes',
    help: 'what those requests were answered with; what the kernel has in its cache is not asked for',
    samples: ({ answers }) => one(answers.readBytes),
  },
  {
    name: 'platdumpfs_errors_total',
    type: 'counter',
    unit: '-',
    help: 'requests of the kernel that failed, by errno; ENOENT is what a name that is not there costs',
    labels: ['errno'],
    samples: ({ answers }) => [...answers.errors].map(([errno, value]) => ({ labels: { errno }, value })),
  },
  {
    name: 'platdumpfs_removals_total',
    type: 'counter',
    unit: '-',
    help: 'dumps that firmware was told to forget, and attempts that failed',
    labels: ['result'],
    samples: ({ usage }) => [
      { labels: { result: 'removed' }, value: usage.removed },
      { labels: { result: 'failed' }, value: usage.removalsFailed },
    ],
  },
  {
    name: 'platdumpfs_cache_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'memory of the block cache that is in use',
    samples: ({ usage }) => one(usage.cache.usedBytes),
  },
  {
    name: 'platdumpfs_cache_limit_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'memory of the block cache: --cache-size in whole blocks',
    samples: ({ usage }) => one(usage.cache.limitBytes),
  },
  {
    name: 'platdumpfs_spool_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'disk that the spool takes; absent without a spool',
    samples: ({ usage: { spool } }) => (spool === undefined ? [] : one(spool.usedBytes)),
  },
  {
    name: 'platdumpfs_spool_limit_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'most that it may take: --spool-size; absent without a spool',
    samples: ({ usage: { spool } }) => (spool === undefined ? [] : one(spool.limitBytes)),
  },
  {
    name: 'platdumpfs_spool_full',
    type: 'gauge',
    unit: '-',
    help: '1: the spool takes no more, full or failed; absent without a spool',
    samples: ({ usage: { spool } }) => (spool === undefined ? [] : one(flag(spool.isFull))),
  },
];

function one(value: number): readonly Sample[] {
  return [{ value }];
}

function flag(value: boolean): number {
  return value ? 1 : 0;
}
