import { argv } from 'node:process';
import { writeLines } from '../../base/line-process.js';
import { LINE_OF, lostLines } from '../../base/log.js';
import { withTime } from './with-time.js';

// Entry of the process that writes the log of `--log-file`.
const format = argv[3] === 'text' ? 'text' : 'json';
writeLines(argv[2] ?? '', (line, lost) => {
  const notice = lostLines(LINE_OF[format], lost);
  return `${format === 'text' ? withTime(notice) : notice}\n${line}`;
});
