import { campaignOn } from './campaign.js';
import { TARGETS } from './targets.js';

await campaignOn(TARGETS);
