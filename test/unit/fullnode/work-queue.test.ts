import { expect, test } from 'vitest';
import { WorkQueue } from '../../../src/fullnode/work-queue.ts';

test('work runs one piece after the other, in order', async () => {
  const queue = new WorkQueue(10);
  const stop = new AbortController();
  const running = queue.run(stop.signal);
  const seen: string[] = [];
  queue.push(async () => {
    seen.push('a begins');
    await Promise.resolve();
    seen.push('a ends');
  });
  queue.push(() => void seen.push('b'));
  expect(await queue.call(() => seen.join())).toBe('a begins,a ends,b');
  stop.abort();
  await running;
});

test('a full queue refuses work', async () => {
  const queue = new WorkQueue(2);
  expect([queue.push(() => {}), queue.push(() => {}), queue.push(() => {})]).toEqual([true, true, false]);
});

test('a full queue has room for some urgent work, which ordinary work does not take', async () => {
  const queue = new WorkQueue(1);
  const stop = new AbortController();
  queue.push(() => {});
  const done: number[] = [];
  const accepted = Array.from({ length: 100 }, (_, i) => queue.pushUrgent(() => void done.push(i)));
  expect(queue.push(() => {})).toBe(false);
  expect(accepted.indexOf(false)).toBe(64);
  const running = queue.run(stop.signal);
  await queue.call(() => {});
  expect(done).toEqual(Array.from({ length: 64 }, (_, i) => i));
  stop.abort();
  await running;
});

test("a failing call is its caller's, failing work ends the queue and refuses everybody else", async () => {
  const queue = new WorkQueue(10);
  const running = queue.run(new AbortController().signal);
  await expect(queue.call(() => Promise.reject(new TypeError('mine')))).rejects.toThrow('mine');
  queue.push(() => Promise.reject(new TypeError('fatal')));
  const waiting = queue.call(() => 1);
  await expect(waiting).rejects.toMatchObject({ code: 'WORK_QUEUE_CLOSED' });
  await expect(running).rejects.toThrow('fatal');
  await expect(queue.call(() => 1)).rejects.toMatchObject({ code: 'WORK_QUEUE_CLOSED' });
  expect(queue.push(() => {})).toBe(false);
});
