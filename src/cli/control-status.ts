import type { DaemonStatus } from './control-protocol.js';
import type { ControlAnswer } from './control-server.js';

/** Says what the daemon is, at every lockdown level; leaves other questions to `answer`. */
export function withStatus(status: DaemonStatus, answer: ControlAnswer): ControlAnswer {
  return (request) => (request.request === 'status' ? { kind: 'status', ...status } : answer(request));
}
