import type { DaCommitment, DataAvailability } from '../protocol/ports/da.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import { errorMessage, isStrobeError, StrobeError } from '../util/errors.ts';
import { encodeBatch } from './batch.ts';
import { type BatchLimits, collectBlocks, markPosted } from './batch-blocks.ts';
import { assertHolds } from './batch-check.ts';
import { type DaChain, type DaLogger, nextRound } from './da-modules.ts';

export interface BatchPosterOptions extends BatchLimits {
  /** Time between two looks for new safe blocks: finality lags that much, and batches grow with it. */
  readonly intervalMs: number;
  /** Failed tries of one post in a row, each after twice the delay of the one before, until the poster gives up. */
  readonly maxAttempts: number;
}

const DEFAULT_OPTIONS: BatchPosterOptions = {
  maxBlocksPerBatch: 60,
  // Hashing a batch runs on the caller's thread, 3 ms a megabyte.
  maxBatchBytes: 2 * 1024 * 1024,
  intervalMs: 2_000,
  maxAttempts: 6,
};

export interface BatchPosterModules {
  readonly da: DataAvailability;
  readonly log: Pick<MiniBlockLog, 'read'>;
  readonly chain: DaChain;
  readonly logger: DaLogger;
}

/** What says that a batch cannot be read any more, rather than that the layer is away. */
const DAMAGE_CODES: ReadonlySet<string> = new Set(['DA_BATCH_NOT_FOUND', 'DA_BATCH_CORRUPT', 'INVALID_DA_BATCH']);

/** Posts safe blocks in order, each once, and marks them as posted and final. */
export class BatchPoster {
  readonly #options: BatchPosterOptions;
  readonly #modules: BatchPosterModules;
  /** Batches that an earlier run posted and may not have marked. */
  #earlier: readonly DaCommitment[] | undefined;
  /** End of what is posted; undefined until the first look. */
  #posted: { readonly block: number; readonly miniBlock: number } | undefined;

  constructor(options: Partial<BatchPosterOptions>, modules: BatchPosterModules) {
    this.#options = { ...DEFAULT_OPTIONS, ...options };
    this.#modules = modules;
  }

  /**
   * Posts until `signal` aborts.
   * @throws StrobeError DA_POST_FAILED when the layer goes on failing, DA_BATCH_MISMATCH when it holds another chain,
   * DA_RECORDS_MISSING, DA_BATCH_TOO_LARGE
   */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    do {
      try {
        await this.postReady(signal);
        failures = 0;
      } catch (error) {
        // The log was cut above the safe block while it was read: nothing is wrong.
        if (isStrobeError(error, 'LOG_CHANGED')) continue;
        failures++;
        this.#assertMayRetry(error, failures);
      }
    } while (await nextRound(this.#options.intervalMs * 2 ** failures, signal));
  }

  #assertMayRetry(error: unknown, failures: number): void {
    if (!isStrobeError(error, 'DA_UNAVAILABLE')) throw error;
    const { maxAttempts } = this.#options;
    if (failures >= maxAttempts) {
      const message = `the data availability layer failed ${failures} times: ${errorMessage(error.cause)}`;
      throw new StrobeError('DA_POST_FAILED', message, { failures }, { cause: error.cause });
    }
    this.#modules.logger.warn(
      { failures, maxAttempts, error: errorMessage(error.cause) },
      'cannot reach the data availability layer',
    );
  }

  /** Posts everything that is safe and not posted yet. */
  async postReady(signal?: AbortSignal): Promise<void> {
    const { chain } = this.#modules;
    await this.#adoptEarlier();
    for (;;) {
      const safe = chain.safeNumber() ?? 0;
      const posted = await this.#postedEnd();
      if (signal?.aborted || posted === undefined || posted.block >= safe) return;
      await this.#postNext(posted, safe);
    }
  }

  async #postNext(after: { readonly block: number; readonly miniBlock: number }, safe: number): Promise<void> {
    const { da, log, chain, logger } = this.#modules;
    const { firstBlock, lastBlock, lastMiniBlock, records } = await collectBlocks(log, after, safe, this.#options);
    const batch = encodeBatch(records);
    const posted = await reach(() => da.post(firstBlock, lastBlock, batch));
    await markPosted(chain, firstBlock, posted);
    this.#posted = { block: lastBlock, miniBlock: lastMiniBlock };
    logger.info({ firstBlock, lastBlock, bytes: batch.length }, 'posted a batch');
  }

  /** Marks what an earlier run posted, as far as it is safe by now. A damaged batch is forgotten and posted again. */
  async #adoptEarlier(): Promise<void> {
    const { da, chain } = this.#modules;
    this.#earlier ??= (await reach(() => da.list())).filter((entry) => entry.lastBlock > this.#finalized());
    for (let posted = this.#nextEarlier(); posted !== undefined; posted = this.#nextEarlier()) {
      if (posted.lastBlock > (chain.safeNumber() ?? 0)) return;
      if (await this.#isWhole(posted)) await markPosted(chain, this.#finalized() + 1, posted);
      else this.#earlier = this.#earlier.filter((entry) => entry !== posted);
    }
  }

  #nextEarlier(): DaCommitment | undefined {
    const next = this.#finalized() + 1;
    return this.#earlier?.findLast((entry) => entry.firstBlock <= next && entry.lastBlock >= next);
  }

  async #isWhole(posted: DaCommitment): Promise<boolean> {
    const { da, chain, logger } = this.#modules;
    try {
      const batch = await reach(() => da.fetch(posted.commitment));
      await assertHolds(batch, posted, await chain.sealOf(posted.lastBlock));
      return true;
    } catch (error) {
      if (!isStrobeError(error) || !DAMAGE_CODES.has(error.code)) throw error;
      logger.warn(
        { firstBlock: posted.firstBlock, lastBlock: posted.lastBlock, error: error.message },
        'a batch is damaged and is posted again',
      );
      return false;
    }
  }

  #finalized(): number {
    return this.#modules.chain.finalizedNumber() ?? 0;
  }

  /** Where the next batch goes on; undefined while an earlier batch waits for its blocks to be safe again. */
  async #postedEnd(): Promise<{ readonly block: number; readonly miniBlock: number } | undefined> {
    if (this.#posted !== undefined) return this.#posted;
    if (this.#nextEarlier() !== undefined) return undefined;
    const block = this.#finalized();
    this.#posted = { block, miniBlock: (await this.#modules.chain.sealOf(block))?.lastNumber ?? 0 };
    return this.#posted;
  }
}

/** Tells failures of the layer from our own. @throws StrobeError DA_UNAVAILABLE with the cause */
async function reach<Result>(action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (cause) {
    if (isStrobeError(cause) && (cause.code === 'DA_BATCH_TOO_LARGE' || DAMAGE_CODES.has(cause.code))) throw cause;
    throw new StrobeError('DA_UNAVAILABLE', 'the data availability layer failed', {}, { cause });
  }
}
