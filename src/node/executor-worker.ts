import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../util/errors.ts';
import { createThreadChannel } from '../util/thread-channel.ts';
import { yieldToOtherThreads } from '../util/thread-priority.ts';
import type { ExecutorData } from './executor-api.ts';
import { ExecutorService } from './executor-service.ts';

// Entry of a thread for long executions; the port keeps it alive until the thread of JSON-RPC ends it.
invariant(parentPort !== null, 'executor-worker runs in a worker thread');
yieldToOtherThreads();
new ExecutorService(workerData as ExecutorData, createThreadChannel(parentPort));
