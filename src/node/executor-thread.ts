import { workerUrl } from '../util/thread.ts';
import { startWorkerHost, type WorkerHost } from '../util/worker-host.ts';
import type { ExecutorData } from './executor-api.ts';

/** An executor in a worker thread of its own. */
export function startExecutorThread(data: ExecutorData): WorkerHost {
  return startWorkerHost(workerUrl('executor-worker', import.meta.url), { name: 'executor', data, failure: (cause) => cause });
}
