import type { ReceiptProof } from '../protocol/ports/proofs.ts';
import { ThreadClient, workerUrl } from '../util/thread.ts';
import { type BlockItems, type ReceiptRequest, ReceiptTries } from './receipt-tries.ts';

/** {@link ReceiptTries} behind a thread boundary. */
export interface ReceiptTriesHost {
  build(items: BlockItems): Promise<void>;
  prove(request: ReceiptRequest): Promise<ReceiptProof | undefined>;
  stop(): Promise<void>;
  /** Rejects when the host dies by itself. */
  readonly failed: Promise<never>;
}

/** Runs in a worker thread of its own. */
export function startReceiptTriesThread(): ReceiptTriesHost {
  const thread = new ThreadClient(workerUrl('receipt-tries-worker', import.meta.url));
  return {
    build: (items) => thread.call('build', items),
    prove: (request) => thread.call('prove', request),
    stop: () => thread.stop(),
    failed: thread.failed,
  };
}

/** Runs on the calling thread: for unit tests. */
export function createInlineReceiptTries(): ReceiptTriesHost {
  const tries = new ReceiptTries();
  return {
    build: async (items) => tries.build(items),
    prove: async (request) => tries.prove(request),
    stop: async () => {},
    failed: new Promise<never>(() => {}),
  };
}
