import { expect, test } from 'vitest';
import { Allowance } from '../../../src/dump/allowance.js';

test('Allowance gives out as many as there are, and again what came back', () => {
  const allowance = new Allowance(2);
  expect([allowance.take(), allowance.take(), allowance.take()]).toEqual([true, true, false]);
  allowance.giveBack();
  expect([allowance.take(), allowance.take()]).toEqual([true, false]);
});

test('Allowance of nothing gives nothing', () => {
  expect(new Allowance(0).take()).toBe(false);
});
