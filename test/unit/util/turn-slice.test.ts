import { afterEach, expect, test, vi } from 'vitest';
import { TurnSlice } from '../../../src/util/turn-slice.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

test('work goes on within a slice, and gives others their turn behind it', async () => {
  let nowMs = 100;
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  const slice = new TurnSlice(5);
  nowMs += 4;
  expect(slice.pause()).toBeUndefined();
  nowMs += 1;
  const seen: string[] = [];
  setImmediate(() => seen.push('another'));
  await slice.pause();
  expect(seen).toEqual(['another']);
  expect(slice.pause()).toBeUndefined();
  nowMs += 5;
  expect(slice.pause()).toBeDefined();
});
