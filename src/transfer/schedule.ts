import type { StartPoint } from './resume-points.js';
import { START } from './resume-points.js';

/** What somebody waits for: the block that begins at `offset`, or that the pass gets past `offset`. */
export interface Need {
  readonly kind: 'block' | 'position';
  readonly offset: number;
}

/** All that matters for what is to be done next about one dump. */
export interface Situation {
  /** `open`: stands in the middle. `finished`: at the end, where it can only be invalidated. */
  readonly pass: 'none' | 'open' | 'finished';
  /** What was sent must come back before anything else is sent: the pass was given up, stopped, or a call failed. */
  readonly mustComeBack: boolean;
  /** Something was sent and has not come back. */
  readonly isBusy: boolean;
  /** The hand would take another batch. */
  readonly hasRoom: boolean;
  /** Where the next batch would begin. */
  readonly planned: number;
  /** Offset of the first block that the pass can still fill from its start. */
  readonly freshFrom: number;
  /** What has to come next that is neither cached nor on disk. */
  readonly need: Need | undefined;
  /** The batches under way bring it. */
  readonly isComing: boolean;
  /** Offset up to which somebody waits or is about to read. */
  readonly demandEnd: number;
  /** The disk is behind: firmware waits for it. */
  readonly spoolIsBehind: boolean;
  /** Where a new pass could begin to bring `need`. */
  readonly bestStart: StartPoint;
  /** Calls at this place have failed so often that a pass from the beginning is worth trying. */
  readonly wantsFreshPass: boolean;
  /** What firmware is wanted for beside reading. `told`: it was sent, and its answer is awaited. */
  readonly errand: 'none' | 'comparison' | 'removal' | 'told';
  /** What has to come before a removal: a pass to the end, a new one whose beginning is compared, or none in particular. */
  readonly removalNeeds: 'finished pass' | 'comparison' | 'pass';
  /** The pass was begun and nothing was asked of it yet. */
  readonly isFresh: boolean;
  /** The dump is lost: nothing more is fetched. */
  readonly isStopped: boolean;
  /** Passes that are over are still open in firmware. */
  readonly hasEndedPass: boolean;
}

export type Step =
  | { readonly do: 'open'; readonly from: StartPoint }
  | { readonly do: 'fill'; readonly until: number }
  /** Nobody waits for what is under way: it ends after the present call. */
  | { readonly do: 'stop' }
  | { readonly do: 'compare' }
  | { readonly do: 'invalidate' }
  | { readonly do: 'close' }
  | { readonly do: 'rest' };

const REST: Step = { do: 'rest' };

/** What to do next. Pure; asked after each event until it says `rest`. */
export function nextStep(now: Situation): Step {
  if (now.mustComeBack || now.errand === 'told') return REST;
  if (now.errand === 'comparison') return fromTheBeginning(now, 'compare');
  if (now.errand === 'removal')
    return now.removalNeeds === 'comparison' ? fromTheBeginning(now, 'invalidate') : towardsRemoval(now);
  if (now.isStopped) return now.isBusy || !isOpen(now) ? REST : { do: 'close' };
  return now.need === undefined ? withoutNeed(now) : onwards(now, now.demandEnd);
}

/** With a pass of its own. */
function fromTheBeginning(now: Situation, act: 'compare' | 'invalidate'): Step {
  if (now.isBusy) return REST;
  return now.isFresh ? { do: act } : { do: 'open', from: START };
}

/** Readers are served on the way to the end, which is what the removal needs as well. */
function towardsRemoval(now: Situation): Step {
  const mayTell = now.pass === 'finished' || (now.pass === 'open' && now.removalNeeds === 'pass');
  if (mayTell) return now.isBusy ? REST : { do: 'invalidate' };
  if (now.pass === 'none' && now.need === undefined) return now.isBusy ? REST : { do: 'open', from: START };
  return onwards(now, Infinity);
}

function onwards(now: Situation, until: number): Step {
  const from = newStart(now);
  return from === undefined ? fill(now, until) : { do: 'open', from };
}

/** Fetching ahead only continues a pass; it never starts one, nor goes back. */
function withoutNeed(now: Situation): Step {
  if (now.hasEndedPass && !now.isBusy) return { do: 'close' };
  if (now.pass !== 'open') return REST;
  if (now.isBusy && now.demandEnd === 0) return { do: 'stop' };
  return fill(now, now.demandEnd);
}

function fill(now: Situation, until: number): Step {
  const isWorthIt = now.pass === 'open' && now.hasRoom && now.planned < until && !now.spoolIsBehind;
  return isWorthIt ? { do: 'fill', until } : REST;
}

/** Where a new pass has to begin to serve what is needed; undefined: the present one gets there. */
function newStart(now: Situation): StartPoint | undefined {
  if (now.pass !== 'open') return now.isComing ? undefined : now.bestStart;
  if (now.wantsFreshPass) return START;
  if (now.isComing) return undefined;
  const isBehind = now.need?.kind === 'block' && now.need.offset < now.freshFrom;
  return isBehind || now.bestStart.offset > now.planned ? now.bestStart : undefined;
}

function isOpen({ pass, hasEndedPass }: Situation): boolean {
  return pass !== 'none' || hasEndedPass;
}
