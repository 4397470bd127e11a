// A source's driver that runs out of memory at its first call, with a handle open.
exports.createDriver = () => ({
  open: () => ({
    state: { handle: 77, next: 0n, phase: 'reading' },
    read: () => {
      const kept = [];
      for (;;) kept.push(new Array(1000).fill(kept.length));
    },
  }),
});
