import type { Address } from '../protocol/primitives.ts';
import type { Bytes } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { ThreadClient, workerUrl } from '../util/thread.ts';
import { packRecoveryJobs, type RecoveryJob, recoverBatch, unpackRecoveryResults } from './recovery.ts';

/** Largest batch sent to the thread: 256 recoveries take about 15 ms, so nobody waits long behind a burst. */
const MAX_BATCH = 256;

/** Jobs waiting at most; above it callers are refused, so that a flood costs no memory. */
const MAX_QUEUE = 20_000;

interface QueuedJob extends RecoveryJob {
  readonly resolve: (sender: Address) => void;
  readonly reject: (error: StrobeError) => void;
}

export interface RecoveryPoolOptions {
  /** `false` recovers on the calling thread: for unit tests. */
  readonly thread: boolean;
}

/**
 * Recovers transaction senders in batches beside the core thread: what arrives while a batch is under way forms the
 * next one, so a single send does not wait and a burst costs one message.
 */
export class RecoveryPool {
  /** Rejects when the thread dies by itself. */
  readonly failed: Promise<never>;
  readonly #thread: ThreadClient | undefined;
  #queue: QueuedJob[] = [];
  #running = false;

  constructor(options: RecoveryPoolOptions) {
    this.#thread = options.thread ? new ThreadClient(workerUrl('recovery-worker', import.meta.url)) : undefined;
    this.failed = this.#thread?.failed ?? new Promise<never>(() => {});
  }

  /** @throws StrobeError INVALID_SENDER when nobody signed so; RECOVERY_QUEUE_FULL under a flood */
  recover(job: RecoveryJob): Promise<Address> {
    if (this.#queue.length >= MAX_QUEUE) {
      return Promise.reject(new StrobeError('RECOVERY_QUEUE_FULL', 'the node is overloaded, try again'));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ signingHash: job.signingHash, signature: job.signature, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Sends of one network read are parsed in one turn: let them all join the first batch.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, MAX_BATCH);
      this.#queue = this.#queue.slice(MAX_BATCH);
      await this.#recoverBatch(batch);
    }
    this.#running = false;
  }

  async #recoverBatch(batch: readonly QueuedJob[]): Promise<void> {
    try {
      const packed = packRecoveryJobs(batch);
      const results = this.#thread === undefined ? recoverBatch(packed) : await this.#thread.call<Bytes>('recover', packed);
      for (const [i, sender] of unpackRecoveryResults(results).entries()) {
        if (sender === undefined) batch[i]?.reject(new StrobeError('INVALID_SENDER', 'invalid sender'));
        else batch[i]?.resolve(sender);
      }
    } catch (cause) {
      const error = new StrobeError('RECOVERY_FAILED', 'sender recovery is not available', {}, { cause });
      for (const job of batch) job.reject(error);
    }
  }

  async stop(): Promise<void> {
    await this.#thread?.stop();
  }
}
