import type { DumpStore } from '../../dump/index.js';
import type { AnswerCounts } from '../../fs/index.js';
import type { ExplainedGate } from '../../lockdown/index.js';
import type { DaemonStatus } from '../control/control-protocol.js';
import type { ControlRoute, Text } from '../control/control-server.js';
import { listedByDaemon } from '../control/listed-by-daemon.js';
import type { LevelWord, Measured } from './metric-table.js';

interface MeasuredParts {
  readonly status: DaemonStatus;
  readonly store: DumpStore;
  readonly gate: ExplainedGate;
  readonly answers: AnswerCounts;
}

/** `GET /metrics`. What makes the text takes some milliseconds to load: `getReady` does, and whoever asks before. */
export function metricsRoute(parts: MeasuredParts): {
  route: ControlRoute;
  getReady: () => Promise<unknown>;
} {
  const load = () => import('./exposition.js');
  const text = async (): Promise<Text> => {
    const { EXPOSITION_TYPE, exposition } = await load();
    const measured = measure(parts);
    const shown = await exposition(measured);
    // The level may have risen meanwhile.
    const isStillRight = measured.isHidden || !parts.gate.locked();
    return { contentType: EXPOSITION_TYPE, text: isStillRight ? shown : await exposition(measure(parts)) };
  };
  return { route: { method: 'GET', path: '/metrics', text }, getReady: load };
}

function measure({ status, store, gate, answers }: MeasuredParts): Measured {
  const isHidden = gate.locked();
  return {
    status,
    level: levelWord(gate, isHidden),
    isHidden,
    nowMs: Date.now(),
    dumps: listedByDaemon(store, gate),
    usage: store.usage,
    answers,
  };
}

function levelWord({ level }: ExplainedGate, isHidden: boolean): LevelWord {
  return level ?? (isHidden ? 'unknown' : 'none');
}
