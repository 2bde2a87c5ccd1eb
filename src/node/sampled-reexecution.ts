import type { ReexecutedBlock } from '../fullnode/block-reexecutor.ts';
import type { ChainRules } from '../prover-stub/block-job.ts';
import { isFatal, reexecuteWithin } from '../prover-stub/block-proof.ts';
import { type ReexecutionHost, startReexecutionThread } from '../prover-stub/reexecution-host.ts';
import { isStrobeError } from '../util/errors.ts';

/** A block that takes longer is given up: an honest one of full size takes a tenth of it. */
const BLOCK_TIMEOUT_MS = 120_000;

/**
 * The prover's re-execution as a replica's samples and the judging of evidence use it, in a thread of its own. A thread
 * that hangs or dies on a block is replaced for the next one: a block that somebody made for that must not end the node.
 */
export class SampledReexecution {
  readonly #rules: ChainRules;
  readonly #stopping = new AbortController();
  #host: ReexecutionHost | undefined;

  constructor(rules: ChainRules) {
    this.#rules = rules;
  }

  /** See BlockReexecutor. @throws StrobeError REEXECUTION_TIMEOUT, THREAD_DIED, THREAD_STOPPED, and what says nothing of a block */
  async run(block: ReexecutedBlock): Promise<readonly string[]> {
    this.#host ??= startReexecutionThread(this.#rules);
    try {
      const job = { ...block, previous: undefined };
      const verdict = await reexecuteWithin(this.#host, job, BLOCK_TIMEOUT_MS, this.#stopping.signal);
      return verdict?.kind === 'disagrees' ? verdict.reasons : [];
    } catch (error) {
      if (isStrobeError(error) && isFatal(error.code)) await this.#drop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#drop();
  }

  async #drop(): Promise<void> {
    const host = this.#host;
    this.#host = undefined;
    await host?.stop();
  }
}
