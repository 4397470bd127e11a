#!/usr/bin/env node
import { identityService } from './identity-service.js';
import { nodeService } from './node-service.js';
import { registrationService } from './registration-service.js';
import { say } from './say.js';
import { serve } from './serve.js';
import { settingsOf, socketsOf } from './settings.js';

/** Exit statuses as those of platdumpfs. */
const FAILED = 1;
const USAGE = 2;

void main();

async function main(): Promise<void> {
  try {
    const settings = settingsOf(process.argv.slice(2));
    const sockets = socketsOf(settings);
    const removals: (() => void)[] = [];
    const end = (code: number): void => {
      for (const remove of removals) remove();
      process.exit(code);
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(0));
    const driver = {
      'csi.v1.Identity': identityService,
      'csi.v1.Node': nodeService(settings),
    };
    removals.push(await serve(sockets.csi, 'csi.proto', driver));
    const registration = {
      'pluginregistration.Registration': registrationService(sockets.csi, () => end(FAILED)),
    };
    // Last: kubelet asks at once.
    removals.push(await serve(sockets.registration, 'registration.proto', registration));
    say(`serves ${settings.source}/${settings.mountName} to pods of ${settings.nodeId}`);
  } catch (error) {
    say((error as Error).message);
    process.exit((error as Error).message.startsWith('--') || error instanceof TypeError ? USAGE : FAILED);
  }
}
