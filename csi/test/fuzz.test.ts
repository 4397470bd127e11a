import { join } from 'node:path';
import { replay } from '../../test/fuzz/replay.js';
import { csiRequest } from './fuzz/targets/csi-request.js';

replay(csiRequest, join(import.meta.dirname, 'fuzz/corpus'));
