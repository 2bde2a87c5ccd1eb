import { setImmediate as settled } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Gate } from '../../../src/util/gate.ts';

test('so many are in at a time, and the others follow in order', async () => {
  const gate = new Gate(2);
  const entered: number[] = [];
  const enter = async (who: number): Promise<void> => {
    await gate.enter();
    entered.push(who);
  };
  const all = Promise.all([1, 2, 3, 4].map(enter));
  await settled();
  expect({ entered, waiting: gate.waiting, isFull: gate.isFull }).toEqual({ entered: [1, 2], waiting: 2, isFull: true });
  gate.leave();
  // Who comes now is behind those who wait.
  const late = enter(5);
  await settled();
  expect(entered).toEqual([1, 2, 3]);
  for (let i = 0; i < 2; i++) gate.leave();
  await Promise.all([all, late]);
  expect(entered).toEqual([1, 2, 3, 4, 5]);
  for (let i = 0; i < 2; i++) gate.leave();
  expect(gate.isFull).toBe(false);
});
