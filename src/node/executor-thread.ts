import { Worker } from 'node:worker_threads';
import { StrobeError } from '../util/errors.ts';
import { workerUrl } from '../util/thread.ts';
import { type Channel, createThreadChannel } from '../util/thread-channel.ts';
import type { ExecutorData } from './executor-api.ts';

/** Where an executor runs. */
export interface ExecutorThread {
  readonly channel: Channel;
  /** Rejects when it dies by itself. */
  readonly died: Promise<never>;
  close(): Promise<void>;
}

export function startExecutorThread(
  data: ExecutorData,
  entry: URL = workerUrl('executor-worker', import.meta.url),
): ExecutorThread {
  const worker = new Worker(entry, { workerData: data, name: 'executor' });
  const death = Promise.withResolvers<never>();
  // Whoever started it listens; until then a rejection is not unhandled.
  death.promise.catch(() => {});
  worker.once('error', death.reject);
  worker.once('exit', (code) => death.reject(new StrobeError('THREAD_EXITED', `exit code ${code}`)));
  return {
    channel: createThreadChannel(worker),
    died: death.promise,
    close: async () => {
      await worker.terminate();
    },
  };
}
