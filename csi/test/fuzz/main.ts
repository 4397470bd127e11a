import { campaignOn } from '../../../test/fuzz/campaign.js';
import { csiRequest } from './targets/csi-request.js';

await campaignOn([csiRequest]);
