import type { FSWatcher } from 'node:fs';
import { watch } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { LevelFile } from './level-file.js';
import type { LevelReading } from './level-file.js';
import type { LevelNews, LevelThreadData } from './level-protocol.js';
import { LookWords } from './level-protocol.js';

// Entry of the thread that looks at the lockdown level: when it is asked, and when the file changes.

const { path, port, words: memory } = workerData as LevelThreadData;
const words = new LookWords(memory);
const file = new LevelFile(path);
let watcher: FSWatcher | undefined;
let watched: number | undefined;

/** Whoever replaces a text in place empties the file first: that moment is not what it says. */
const SETTLE_MS = 10;

port.on('message', (asked: number) => {
  tell(look());
  words.answer(asked);
});

function onChange(): void {
  const reading = look();
  if (reading.kind === 'unreadable') setTimeout(() => tell(look()), SETTLE_MS);
  else tell(reading);
}

function look(): LevelReading {
  words.begin();
  const reading = file.read();
  watchHeldFile();
  words.end();
  return reading;
}

function tell(reading: LevelReading): void {
  const news: LevelNews = { reading, held: file.held };
  port.postMessage(news);
}

/** A write to the file is told by inotify, that of securityfs too. Where it cannot be watched, the asking has to do. */
function watchHeldFile(): void {
  const fd = file.held?.fd;
  if (fd === watched) return;
  watcher?.close();
  watcher = undefined;
  watched = fd;
  if (fd === undefined) return;
  try {
    // By its descriptor: exactly the file that is read.
    watcher = watch(`/proc/self/fd/${fd}`, { persistent: false }, onChange);
    watcher.on('error', () => undefined);
  } catch {
    // No more watches are to be had (fs.inotify.max_user_watches).
  }
}
