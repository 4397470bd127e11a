import { commandLine } from './targets/command-line.js';
import { controlAnswer } from './targets/control-answer.js';
import { controlRequest } from './targets/control-request.js';
import { dumpHeader } from './targets/dump-header.js';
import { fuseRequests } from './targets/fuse-requests.js';
import { handoverFile } from './targets/handover-file.js';
import { levelFile } from './targets/level-file.js';
import { mountinfo } from './targets/mountinfo.js';
import { platformLog } from './targets/platform-log.js';
import { rtasEvent } from './targets/rtas-event.js';
import { sideFile } from './targets/side-file.js';
import { stateFile } from './targets/state-file.js';

/** Whatever takes bytes that somebody else chose. */
export const TARGETS = [
  fuseRequests,
  rtasEvent,
  platformLog,
  dumpHeader,
  sideFile,
  stateFile,
  handoverFile,
  commandLine,
  controlRequest,
  controlAnswer,
  levelFile,
  mountinfo,
];
