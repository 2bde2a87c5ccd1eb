import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../util/errors.ts';
import { createThreadChannel } from '../util/thread-channel.ts';
import { SERVING_NICE, yieldToOtherThreads } from '../util/thread-priority.ts';
import { RpcService } from './rpc-service.ts';
import type { RpcThreadData } from './rpc-thread-api.ts';

// Entry of the thread of JSON-RPC; the port keeps it alive until the core ends it.
invariant(parentPort !== null, 'rpc-worker runs in a worker thread');
yieldToOtherThreads(SERVING_NICE);
new RpcService(workerData as RpcThreadData, createThreadChannel(parentPort));
