import { isAbsolute } from 'node:path';
import { tagFromName } from '../../base/tag.js';
import type { ListedDump } from '../query/listed-dump.js';
import type { ControlError, ControlResponse, HandoverOffer, WatchLine } from './control-protocol.js';

/*
 * What a socket answers is shown on terminals, and its tags become paths that `save` reads and removes. So it is looked at
 * before it is believed. Fields that are not known here pass: a newer daemon may have them.
 */

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

/** What the program itself writes there: a word of its own tables, a file name that was made safe. */
const isWord: Check = (value) => typeof value === 'string' && /^[\w.-]+$/.test(value);
const isBytes: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isTime: Check = (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value);
const isDigest: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const isNullOr =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);

const DUMP_FIELDS: Readonly<Record<Exclude<keyof ListedDump, 'lockdown'>, Check>> = {
  tag: (value) => typeof value === 'string' && tagFromName(value) !== undefined,
  type: isWord,
  size: isNullOr(isBytes),
  sizeOrigin: isNullOr(isWord),
  state: isWord,
  delivered: isBytes,
  firstSeen: isTime,
  source: isWord,
  name: isNullOr(isWord),
  // A daemon that was started before an upgrade may say nothing of it.
  sha256: (value) => value === undefined || isNullOr(isDigest)(value),
};

const OFFER_FIELDS: Readonly<Record<Exclude<keyof HandoverOffer, 'mountpoint'>, Check>> = {
  pid: isBytes,
  descriptor: isBytes,
  pidNamespace: (value) => typeof value === 'string',
  format: isBytes,
  madeWith: (value) => typeof value === 'object' && value !== null,
};

/** Kinds that say whose answer they are. */
const OF_A_MOUNT = new Set<unknown>([
  'status',
  'dumps',
  'dump',
  'locked',
  'watching',
  'handover',
  'handed-over',
]);

/** @throws Error in one line where it cannot be what a daemon of ours says */
export function checkResponse(value: unknown): ControlResponse {
  const fields = fieldsOf(value, 'answer');
  checkMountpoint(fields);
  if (fields['kind'] === 'dumps') checkDumps(fields['dumps']);
  if (fields['kind'] === 'dump') checkDump(fields['dump']);
  if (fields['kind'] === 'handover') checkFields(fields, OFFER_FIELDS);
  return value as ControlResponse;
}

/** @throws Error in one line where it cannot be what a daemon of ours says */
export function checkWatchLine(value: unknown): WatchLine | ControlError {
  const fields = fieldsOf(value, 'line');
  if (fields['kind'] !== 'change') {
    checkMountpoint(fields);
    return value as WatchLine | ControlError;
  }
  if (!isTime(fields['time'])) throw notUnderstood('time');
  if (!isWord(fields['event'])) throw notUnderstood('event');
  checkDump(fields['dump']);
  return value as WatchLine;
}

function checkMountpoint({ kind, mountpoint }: Fields): void {
  if (!OF_A_MOUNT.has(kind)) return;
  if (typeof mountpoint !== 'string' || !isAbsolute(mountpoint)) throw notUnderstood('mountpoint');
}

function checkDumps(value: unknown): void {
  if (!Array.isArray(value)) throw notUnderstood('dumps');
  value.forEach(checkDump);
}

function checkDump(value: unknown): void {
  checkFields(fieldsOf(value, 'dump'), DUMP_FIELDS);
}

function checkFields(fields: Fields, checks: Readonly<Record<string, Check>>): void {
  for (const [name, isRight] of Object.entries(checks)) if (!isRight(fields[name])) throw notUnderstood(name);
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null) throw notUnderstood(what);
  return value as Fields;
}

function notUnderstood(what: string): Error {
  return new Error(`the daemon's answer is not understood: ${what}`);
}
