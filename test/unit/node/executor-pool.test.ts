import { describe, expect, test } from 'vitest';
import type { ExecutorApi } from '../../../src/node/executor-api.ts';
import { type Executor, ExecutorPool } from '../../../src/node/executor-pool.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { createChannelPair } from '../../../src/util/thread-channel.ts';
import { ThreadRpc } from '../../../src/util/thread-rpc.ts';
import type { WorkerHost } from '../../../src/util/worker-host.ts';

interface FakeThread {
  readonly die: (error: Error) => void;
  isClosed: boolean;
}

/** A pool whose threads say their number as the answer to any estimate, and never answer a call. */
function scene({ executors = 2, stuckAfterMs = 60_000 } = {}) {
  const threads: FakeThread[] = [];
  const start = (): WorkerHost => {
    const [channel, own] = createChannelPair();
    const died = Promise.withResolvers<never>();
    died.promise.catch(() => {});
    const thread: FakeThread = { die: died.reject, isClosed: false };
    const number = BigInt(threads.push(thread));
    const api = { estimateGas: async () => number, call: () => new Promise<never>(() => {}) };
    new ThreadRpc<object, object>(own, api);
    return {
      ...{ channel, died: died.promise },
      close: async () => {
        thread.isClosed = true;
      },
    };
  };
  const logged: string[] = [];
  const destination = { write: (line: string) => void logged.push(line) } as unknown as NodeJS.WritableStream;
  const metrics = createMetrics();
  const pool = new ExecutorPool(
    { executors, stuckAfterMs },
    {
      start,
      host: { stateNodes: async () => [] },
      logger: createLogger({ level: 'info', format: 'json', destination }),
      metrics,
    },
  );
  return { pool, threads, logged, page: async () => (await metrics.expose()).body };
}

const nothing = [] as unknown as Parameters<ExecutorApi['call']>;
const quick = (executor: Executor) => executor.call('estimateGas', ...nothing);
const endless = (executor: Executor) => executor.call('call', ...nothing);

describe('a pool of executors', () => {
  test('starts one when it is needed, and uses it again', async () => {
    const { pool, threads } = scene();
    expect(threads).toHaveLength(0);
    await expect(pool.run(quick)).resolves.toBe(1n);
    await expect(pool.run(quick)).resolves.toBe(1n);
    void pool.run(endless).catch(() => {});
    await expect(pool.run(quick)).resolves.toBe(2n);
    void pool.run(endless).catch(() => {});
    await expect(pool.run(quick)).rejects.toMatchObject({ code: 'THREAD_BUSY' });
  });

  test('fails what one was doing that dies, says so, and starts another', async () => {
    const { pool, threads, logged, page } = scene({ executors: 1 });
    const lost = pool.run(endless);
    threads[0]?.die(new Error('out of memory'));
    await expect(lost).rejects.toMatchObject({ code: 'EXECUTOR_FAILED', message: expect.stringMatching(/^execution aborted/) });
    expect(logged.join('')).toContain('out of memory');
    await expect(pool.run(quick)).resolves.toBe(2n);
    threads[1]?.die(new Error('while it had nothing to do'));
    await new Promise((resolve) => setImmediate(resolve));
    await expect(pool.run(quick)).resolves.toBe(3n);
    expect(await page()).toContain('strobe_rpc_executors_died_total 2');
    expect(await page()).toContain('strobe_rpc_executors 1');
  });

  test('ends one that does not answer', async () => {
    const { pool, threads } = scene({ executors: 1, stuckAfterMs: 1 });
    await expect(pool.run(endless)).rejects.toMatchObject({ code: 'EXECUTOR_FAILED' });
    expect(threads[0]?.isClosed).toBe(true);
    await expect(pool.run(quick)).resolves.toBe(2n);
  });

  test('closes all of them when it stops', async () => {
    const { pool, threads, logged } = scene();
    const running = pool.run(endless);
    const stopped = pool.stop();
    await expect(running).rejects.toMatchObject({ code: 'THREAD_STOPPED' });
    await stopped;
    expect(threads.every(({ isClosed }) => isClosed)).toBe(true);
    await expect(pool.run(quick)).rejects.toMatchObject({ code: 'THREAD_STOPPED' });
    expect(logged).toEqual([]);
  });
});
