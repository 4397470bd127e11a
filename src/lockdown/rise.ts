import type { Logger } from '../base/log.js';

/** What hides dumps once the level has risen, in the order in which it is done. Each is called once, and returns at once. */
export interface RiseSteps {
  /** The log tells no tag, name or size any more: what follows makes calls fail, and those are logged. */
  readonly veilLog: () => void;
  /** Nothing is left for another process to go on from. */
  readonly dropHandover: () => void;
  /** The kernel is told to drop its pages, which nobody has to ask us for. That takes longest, and goes on elsewhere. */
  readonly dropPages: () => void;
  /** Answers over the control socket that nobody has taken yet are dropped. */
  readonly dropAnswers: () => void;
  /** Whoever waits for a dump is refused, and every name goes. Memory is overwritten in the next turn of the event loop. */
  readonly hideDumps: () => void;
  /** No tag is taken in or written down any more. */
  readonly stopAnnouncing: () => void;
  /** Now it is true. */
  readonly tellOperator: () => void;
}

const ORDER = [
  'veilLog',
  'dropHandover',
  'dropPages',
  'dropAnswers',
  'hideDumps',
  'stopAnnouncing',
  'tellOperator',
] as const satisfies readonly (keyof RiseSteps)[];

/** To be called when the gate has closed: every operation is refused by then, so nothing that goes comes back. */
export function carryOutRise(steps: RiseSteps, log: Logger): void {
  for (const step of ORDER) {
    try {
      steps[step]();
    } catch (error) {
      // A step that fails must not keep the next one from hiding what it is about.
      log.error('hiding dumps at lockdown failed', { step, error });
    }
  }
}
