import { argv } from 'node:process';
import { writeLines } from '../base/line-process.js';

// Entry of the process that writes the trace of `--trace-rtas`. A line is a JSON object.
writeLines(argv[2] ?? '', (line, lost) => `${line.slice(0, -1)},"lost":${lost}}`);
