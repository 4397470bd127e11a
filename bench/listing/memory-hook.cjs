'use strict';
// Loaded into a daemon that is measured: on SIGUSR2 collects garbage and appends what memory is left in use to a file.
const { isMainThread } = require('node:worker_threads');

const file = process.env.PLATDUMPFS_BENCH_MEMORY;
if (isMainThread && file !== undefined) {
  const { appendFileSync } = require('node:fs');
  require('node:v8').setFlagsFromString('--expose-gc');
  const collect = require('node:vm').runInNewContext('gc');
  process.on('SIGUSR2', () => {
    for (let times = 0; times < 3; times += 1) collect();
    const { heapUsed, external, rss } = process.memoryUsage();
    appendFileSync(file, `${JSON.stringify({ usedBytes: heapUsed + external, rssBytes: rss })}\n`);
  });
}
