import type { Bytes } from '../../util/bytes.ts';
import { ThreadClient, workerUrl } from '../../util/thread.ts';
import type { RootTransition } from './witness-check.ts';

export interface WitnessCheckRequest {
  readonly witness: Bytes;
  readonly claim: RootTransition;
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
    const request: WitnessCheckRequest = { witness, claim };
    return this.#thread.call('verify', request);
  }

  stop(): Promise<void> {
    return this.#thread.stop();
  }
}
