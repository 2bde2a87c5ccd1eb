import type { Hash } from '../protocol/primitives.ts';
import { encodeStateDiff } from '../protocol/state-diff.ts';
import type { Bytes } from '../util/bytes.ts';
import { ThreadClient, workerUrl } from '../util/thread.ts';
import type { RootTransition } from './witness-check.ts';

/** What travels to the thread: a diff as one buffer is cheaper to hand over than many objects. */
export interface WitnessCheckRequest {
  readonly witness: Bytes;
  readonly preStateRoot: Hash;
  readonly postStateRoot: Hash;
  readonly diffBytes: Bytes;
}

/** Proves root transitions beside the core thread: a full block's takes a tenth of a second. */
export class WitnessThread {
  readonly #thread = new ThreadClient(workerUrl('witness-worker', import.meta.url));

  /** Rejects when the thread dies by itself. */
  get failed(): Promise<never> {
    return this.#thread.failed;
  }

  /** @throws StrobeError as verifyRootTransition does */
  verify(witness: Bytes, claim: RootTransition): Promise<void> {
    const { preStateRoot, postStateRoot, diff } = claim;
    const request: WitnessCheckRequest = { witness, preStateRoot, postStateRoot, diffBytes: encodeStateDiff(diff) };
    return this.#thread.call('verify', request);
  }

  stop(): Promise<void> {
    return this.#thread.stop();
  }
}
