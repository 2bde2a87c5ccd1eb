import { afterEach, describe, expect, test } from 'vitest';
import { ThreadClient, workerUrl } from '../../../src/util/thread.ts';

let thread: ThreadClient;
const start = (): ThreadClient => (thread = new ThreadClient(workerUrl('fixtures/thread-worker', import.meta.url)));
afterEach(() => thread.stop());

describe('a call', () => {
  test('is answered with what its handler returned', async () => {
    start();
    expect(await thread.call('echo', { bytes: Uint8Array.of(1, 2), big: 2n ** 200n })).toEqual({
      bytes: Uint8Array.of(1, 2),
      big: 2n ** 200n,
    });
    expect(await Promise.all([1, 2, 3].map((value) => thread.call('echo', value)))).toEqual([1, 2, 3]);
  });

  test('and posts are handled one after the other in their order', async () => {
    start();
    thread.post('note', 'first');
    thread.post('noteLater', 'second');
    thread.post('note', 'third');
    expect(await thread.call('seen', undefined)).toEqual(['first', 'second', 'third']);
  });

  test('moves buffers both ways instead of copying them', async () => {
    start();
    expect(await thread.call('buffer', 1000)).toEqual(new Uint8Array(1000).fill(5));
    const mine = new Uint8Array(100).fill(1);
    expect(await thread.call('echo', mine, [mine.buffer])).toEqual(new Uint8Array(100).fill(1));
    expect(mine.byteLength).toBe(0);
  });

  test('rejects with the coded error of its handler, and the thread goes on', async () => {
    start();
    await expect(thread.call('refuse', undefined)).rejects.toMatchObject({
      code: 'NO_SUCH_THING',
      message: 'there is no such thing',
      meta: { number: 7 },
    });
    await expect(thread.call('crash', undefined)).rejects.toMatchObject({ code: 'THREAD_CALL_FAILED', message: 'a bug' });
    await expect(thread.call('unknown', undefined)).rejects.toMatchObject({ code: 'UNKNOWN_METHOD' });
    await expect(thread.call('uncloneable', undefined)).rejects.toMatchObject({ code: 'THREAD_CALL_FAILED' });
    await expect(thread.call('echo', () => {})).rejects.toThrow();
    expect(await thread.call('echo', 'alive')).toBe('alive');
  });
});

describe('when the thread dies', () => {
  test('by a failed post, whoever waits is told and so is the owner', async () => {
    start();
    thread.post('crash', undefined);
    await expect(thread.call('echo', 1)).rejects.toMatchObject({ code: 'THREAD_DIED', message: 'a worker thread died: a bug' });
    await expect(thread.failed).rejects.toMatchObject({ code: 'THREAD_DIED' });
  });

  test('by its exit, every waiter is rejected', async () => {
    start();
    const calls = [thread.call('leave', undefined), thread.call('echo', 1), thread.call('echo', 2)];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'THREAD_DIED' });
    await expect(thread.failed).rejects.toThrow('exit code 3');
  });

  test('later calls are rejected and later posts do no harm', async () => {
    start();
    thread.post('leave', undefined);
    await expect(thread.failed).rejects.toMatchObject({ code: 'THREAD_DIED' });
    await expect(thread.call('echo', 1)).rejects.toMatchObject({ code: 'THREAD_DIED' });
    thread.post('note', 'lost');
  });

  test('because its file is missing, the owner is told', async () => {
    thread = new ThreadClient(workerUrl('fixtures/no-such-worker', import.meta.url));
    const call = thread.call('echo', 1);
    await expect(thread.failed).rejects.toMatchObject({ code: 'THREAD_DIED' });
    await expect(call).rejects.toMatchObject({ code: 'THREAD_DIED' });
  });
});

test('stopping rejects whoever waits and is no failure', async () => {
  start();
  const waiting = expect(thread.call('block', undefined)).rejects.toMatchObject({ code: 'THREAD_STOPPED' });
  let failed = false;
  thread.failed.catch(() => {
    failed = true;
  });
  await thread.stop();
  await waiting;
  await expect(thread.call('echo', 1)).rejects.toMatchObject({ code: 'THREAD_STOPPED' });
  await new Promise((resolve) => setImmediate(resolve));
  expect(failed).toBe(false);
});
