import { parseTag, tagName } from '../../base/tag.js';
import type { DumpStore } from '../../dump/index.js';
import type { SavedCopy } from '../../fs/index.js';
import { countSavedCopy } from '../../fs/index.js';
import type { ExplainedGate } from '../../lockdown/index.js';
import type { ControlError, ControlErrorCode, ControlResponse, DaemonStatus } from './control-protocol.js';
import type { ControlRoute } from './control-server.js';
import { watchDumps } from './dump-watch.js';
import { listedByDaemon } from './listed-by-daemon.js';

/** What a daemon can be asked. The lockdown gate stands before everything but its status. */
export function controlRoutes(
  status: DaemonStatus,
  store: DumpStore,
  gate: ExplainedGate,
): readonly ControlRoute[] {
  const { mountpoint } = status;
  const unlessLocked = (answer: () => ControlResponse): ControlResponse =>
    gate.locked() ? { kind: 'locked', mountpoint } : answer();
  return [
    { method: 'GET', path: '/v1/status', answer: () => ({ kind: 'status', ...status }) },
    {
      method: 'GET',
      path: '/v1/dumps',
      answer: () => unlessLocked(() => ({ kind: 'dumps', mountpoint, dumps: listedByDaemon(store, gate) })),
    },
    {
      method: 'GET',
      path: '/v1/dumps/:tag',
      answer: ({ params }) => unlessLocked(() => oneDump(params['tag'] ?? '', mountpoint, store, gate)),
    },
    {
      method: 'POST',
      path: '/v1/dumps/:tag/saved',
      answer: ({ params, body }) =>
        unlessLocked(() => saved(params['tag'] ?? '', body, mountpoint, store, gate)),
    },
    { method: 'GET', path: '/v1/watch', stream: watchDumps(mountpoint, store, gate) },
  ];
}

/** @param word any spelling of a tag */
function oneDump(word: string, mountpoint: string, store: DumpStore, gate: ExplainedGate): ControlResponse {
  const tag = parseTag(word);
  if (tag === undefined) return refusal('bad-request', 'a dump tag is up to 16 hex digits');
  const name = tagName(tag);
  const dump = listedByDaemon(store, gate).find((listed) => listed.tag === name);
  return dump === undefined
    ? refusal('not-found', `no dump ${name} is listed`)
    : { kind: 'dump', mountpoint, dump };
}

/** A copy is on disk. */
function saved(
  word: string,
  body: unknown,
  mountpoint: string,
  store: DumpStore,
  gate: ExplainedGate,
): ControlResponse {
  const answer = oneDump(word, mountpoint, store, gate);
  const tag = parseTag(word);
  const dump = tag === undefined ? undefined : store.find(tag);
  if (answer.kind !== 'dump' || dump === undefined) return answer;
  if (!isSavedCopy(body))
    return refusal('bad-request', 'expected the numbers ino and bytes, and sha256 in hex');
  const why = countSavedCopy(dump, body);
  return why === undefined ? answer : refusal('conflict', why);
}

function isSavedCopy(body: unknown): body is SavedCopy {
  const { ino, bytes, sha256 } = (body ?? {}) as Partial<Record<string, unknown>>;
  const isDigest = typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256);
  return Number.isSafeInteger(ino) && Number.isSafeInteger(bytes) && isDigest;
}

function refusal(code: ControlErrorCode, message: string): ControlError {
  return { kind: 'error', code, message };
}
