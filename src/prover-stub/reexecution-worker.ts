import { workerData } from 'node:worker_threads';
import { serveThread } from '../util/thread.ts';
import type { BlockJob, ChainRules } from './block-job.ts';
import { reexecuteBlock } from './re-execute.ts';

serveThread({
  reexecute: (job: BlockJob) => reexecuteBlock(job, workerData as ChainRules),
});
