import { expect, test, vi } from 'vitest';
import { itemsUntilAborted } from '../../../src/util/until-aborted.ts';

/** An answer of some items that then says nothing more, and does not end when it is asked to. */
function silentAfter(items: readonly number[]) {
  const never = new Promise<never>(() => {});
  const rest = [...items];
  const next = (): Promise<IteratorResult<number>> => {
    const value = rest.shift();
    return value === undefined ? never : Promise.resolve({ done: false, value });
  };
  const end = vi.fn(() => never);
  return { answer: { [Symbol.asyncIterator]: () => ({ next, return: end }) }, end };
}

test('an answer that falls silent ends when the wait is aborted, and is let go of', async () => {
  const { answer, end } = silentAfter([1, 2]);
  const stop = new AbortController();
  const seen: number[] = [];
  for await (const item of itemsUntilAborted(answer, stop.signal)) {
    seen.push(item);
    if (seen.length === 2) stop.abort();
  }
  expect(seen).toEqual([1, 2]);
  expect(end).toHaveBeenCalledOnce();
});

test('who reads no further does not wait for an answer that does not end', async () => {
  const { answer, end } = silentAfter([1, 2]);
  for await (const item of itemsUntilAborted(answer, new AbortController().signal)) {
    expect(item).toBe(1);
    break;
  }
  expect(end).toHaveBeenCalledOnce();
});
