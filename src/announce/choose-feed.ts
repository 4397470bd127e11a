/** Where announcements are to come from; `auto`: decided by what is there. */
export type EventsMode = 'auto' | 'proc' | 'log' | 'off';

export interface FeedFacts {
  readonly mode: EventsMode;
  /** The source itself says which dumps there are (simulator, OPAL). */
  readonly sourceLists: boolean;
  /** Somebody named the log that is to be followed. */
  readonly logIsNamed: boolean;
  readonly logExists: boolean;
  readonly rtasErrdRuns: boolean;
}

export interface FeedChoice {
  readonly feed: 'proc' | 'log' | 'off';
  readonly why: string;
  /** Something that the operator should know. */
  readonly warning?: string;
}

/** The kernel's event log is never chosen by itself: who reads it takes the events away from everybody else. */
export function chooseFeed(facts: FeedFacts): FeedChoice {
  switch (facts.mode) {
    case 'off':
      return { feed: 'off', why: 'switched off' };
    case 'log':
      return { feed: 'log', why: 'as told' };
    case 'proc':
      return {
        feed: 'proc',
        why: 'as told',
        ...(facts.rtasErrdRuns
          ? { warning: 'rtas_errd runs: it and this program take events from each other' }
          : {}),
      };
    case 'auto':
      return chooseByFacts(facts);
  }
}

function chooseByFacts({ sourceLists, logIsNamed, logExists, rtasErrdRuns }: FeedFacts): FeedChoice {
  if (logIsNamed) return { feed: 'log', why: 'its path was given' };
  if (sourceLists) return { feed: 'off', why: 'the source itself lists its dumps' };
  if (rtasErrdRuns) return { feed: 'log', why: 'rtas_errd runs and writes it' };
  if (logExists) return { feed: 'log', why: 'it exists' };
  return {
    feed: 'off',
    why: 'no log, and rtas_errd does not run; --events=proc reads the events of firmware instead of it',
  };
}
