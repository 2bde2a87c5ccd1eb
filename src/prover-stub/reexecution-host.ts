import { ThreadClient, workerUrl } from '../util/thread.ts';
import type { BlockJob, ChainRules } from './block-job.ts';
import { type ReexecutionVerdict, reexecuteBlock } from './re-execute.ts';

/** {@link reexecuteBlock} behind a thread boundary: a block takes seconds in which gossip must go on. */
export interface ReexecutionHost {
  /** One block at a time. @throws StrobeError as {@link reexecuteBlock}; THREAD_CALL_FAILED for a failure of the library */
  reexecute(job: BlockJob): Promise<ReexecutionVerdict>;
  stop(): Promise<void>;
  /** Rejects when the host dies by itself; never resolves. */
  readonly failed: Promise<never>;
}

/** Runs in a worker thread of its own. */
export function startReexecutionThread(rules: ChainRules): ReexecutionHost {
  const thread = new ThreadClient(workerUrl('reexecution-worker', import.meta.url), rules);
  return {
    reexecute: (job) => {
      const packed = detach(job);
      const buffers = [packed.seal, packed.witness, ...packed.miniBlocks].map((bytes) => bytes.buffer as ArrayBuffer);
      return thread.call('reexecute', packed, buffers);
    },
    stop: () => thread.stop(),
    failed: thread.failed,
  };
}

/** Copies, since messages are views of larger buffers, which a thread boundary would copy whole. */
function detach(job: BlockJob): BlockJob {
  return {
    ...job,
    seal: new Uint8Array(job.seal),
    miniBlocks: job.miniBlocks.map((miniBlock) => new Uint8Array(miniBlock)),
    witness: new Uint8Array(job.witness),
  };
}

/** Runs on the calling thread: for unit tests. */
export function createInlineReexecution(rules: ChainRules): ReexecutionHost {
  return {
    reexecute: (job) => reexecuteBlock(job, rules),
    stop: async () => {},
    failed: new Promise(() => {}),
  };
}
