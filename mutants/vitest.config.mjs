// For Stryker, which names the tests: without what builds dist/ first, and one file after the other.
export default {
  test: {
    include: process.env.MUTANT_TESTS.split(' '),
    testTimeout: 30_000,
  },
};
