// A source's driver that takes its time to load, and says when it is done.
exports.createDriver = (data) => {
  const words = new Int32Array(data);
  Atomics.wait(words, 1, 0, 300);
  Atomics.store(words, 0, 1);
  return { open: () => undefined };
};
