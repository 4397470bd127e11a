import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { MachineState, createMachineMemory } from '../../../../src/source/sim/index.js';
import { WORK_AREA_LIMIT } from '../../../../src/source/sim/machine.js';
import { machineThread } from './machine-thread.js';

test('a work area is waited for until another handle is closed', async () => {
  const memory = createMachineMemory();
  const machine = new MachineState(memory);
  for (let taken = 0; taken < WORK_AREA_LIMIT; taken += 1) machine.takeWorkArea();
  const waiting = machineThread('takeWorkArea', memory);
  const heard: string[] = [];
  waiting.on('message', (word: string) => heard.push(word));
  await once(waiting, 'message');
  await delay(50); // long enough to see a thread that does not wait
  expect(heard).toEqual(['asking']);
  machine.freeWorkArea();
  await once(waiting, 'exit');
  expect(heard).toEqual(['asking', 'taken', 'done']);
});
