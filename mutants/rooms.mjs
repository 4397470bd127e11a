// What decides about deletion and lockdown, and the fewest tests that say whether it decides right.
export const ROOMS = {
  removal: { sources: ['src/fs/removal.ts'], tests: ['test/unit/fs/removal.test.ts'] },
  delivered: {
    sources: ['src/dump/coverage.ts', 'src/memory/pinned-range.ts'],
    tests: ['test/unit/dump/coverage.test.ts', 'test/unit/memory/pinned-range.test.ts'],
  },
  comparison: {
    sources: ['src/transfer/fingerprint.ts', 'src/dump/verifier.ts'],
    tests: ['test/unit/transfer/fingerprint.test.ts', 'test/unit/dump/verifier.test.ts'],
  },
  saved: { sources: ['src/fs/saved-copy.ts'], tests: ['test/unit/fs/saved-copy.test.ts'] },
  lockdown: {
    sources: ['src/lockdown/{rise,policy,level,level-gate,open-gate}.ts'],
    tests: ['test/unit/lockdown/{rise,level,level-gate,open-gate}.test.ts'],
  },
  guarded: {
    sources: ['src/fs/{guarded,refused}.ts'],
    tests: ['test/unit/fs/{guarded,refused}.test.ts'],
  },
  invalidation: {
    members: {
      'src/dump/dump.ts': [
        ...['inherit', 'isNews', 'doubt', 'settle', 'isDelivered', 'invalidate', 'compare'],
        ...['cancelInvalidate', 'lose', 'forget'],
      ],
      'src/transfer/transfer.ts': [
        ...['doubt', 'compare', 'invalidate', 'cancelInvalidate', '#wipeFingerprint', '#onErrandAnswer'],
        ...['#failErrand', '#refusal', '#stateOf', '#removalNeeds', '#sendErrand'],
      ],
      'src/transfer/pass.ts': ['compare', 'invalidate', '#takeIn', '#assertWhole'],
    },
    tests: [
      'test/unit/dump/invalidation.test.ts',
      'test/fault/transfer-faults.test.ts',
      'test/contract/spool-lost.test.ts',
    ],
  },
  schedule: { sources: ['src/transfer/schedule.ts'], tests: ['test/unit/transfer/schedule.test.ts'] },
};
