import type { DaCommitment, DataAvailability } from '../protocol/ports/da.ts';
import { toHex, toKey } from '../util/bytes.ts';
import { errorMessage, isStrobeError } from '../util/errors.ts';
import { markPosted } from './batch-blocks.ts';
import { assertHolds } from './batch-check.ts';
import { type DaChain, type DaLogger, nextRound } from './da-modules.ts';

export interface DaFollowerOptions {
  /** Time between two looks at the layer. */
  readonly intervalMs: number;
  /** The oldest block of this node, 1 unless its chain begins with a snapshot: older ones are passed over. */
  readonly firstBlock: number;
}

const DEFAULT_OPTIONS: DaFollowerOptions = { intervalMs: 2_000, firstBlock: 1 };

/** Bad batches remembered so as to be reported once; beyond it the oldest may be reported again. */
const MAX_BAD = 1_024;
/** Most looks at the layer in which a bad batch is passed over, a minute by default: reading it again takes as long as a good one. */
const MAX_PASSED_OVER = 32;

/** A batch that was bad when it was read: it may have been copied half, and the poster posts again what is damaged. */
interface BadBatch {
  /** Looks at the layer until it is read again. */
  passOver: number;
  /** How many it will be after that, should it be bad still. */
  next: number;
}

export interface DaFollowerModules {
  readonly da: DataAvailability;
  readonly chain: DaChain;
  readonly logger: DaLogger;
}

/**
 * Watches what is posted and marks this node's safe blocks as posted and final once a batch is proven to hold them.
 * Whatever lies in the layer is somebody else's word: a bad batch is reported, and passed over for longer and longer; a
 * layer that cannot be read is reported each time.
 */
export class DaFollower {
  readonly #options: DaFollowerOptions;
  readonly #modules: DaFollowerModules;
  readonly #bad = new Map<string, BadBatch>();

  constructor(options: Partial<DaFollowerOptions>, modules: DaFollowerModules) {
    this.#options = { ...DEFAULT_OPTIONS, ...options };
    this.#modules = modules;
  }

  /** Follows until `signal` aborts; rejects only when the chain itself cannot be written. */
  async run(signal: AbortSignal): Promise<void> {
    do await this.catchUp(signal);
    while (await nextRound(this.#options.intervalMs, signal));
  }

  /** Marks every block that is safe here and proven to be posted, until `signal` aborts: years of batches take minutes. */
  async catchUp(signal?: AbortSignal): Promise<void> {
    const { chain } = this.#modules;
    for (const posted of await this.#list()) {
      if (signal?.aborted) return;
      const next = Math.max((chain.finalizedNumber() ?? 0) + 1, this.#options.firstBlock);
      // In block order: behind a gap nothing can be final yet.
      if (posted.firstBlock > next) return;
      if (posted.lastBlock < next || posted.lastBlock > (chain.safeNumber() ?? 0)) continue;
      if (await this.#isGood(posted)) await markPosted(chain, next, posted);
    }
  }

  async #list(): Promise<readonly DaCommitment[]> {
    try {
      return await this.#modules.da.list();
    } catch (error) {
      this.#modules.logger.warn({ error: errorMessage(error) }, 'cannot read the data availability layer');
      return [];
    }
  }

  async #isGood(posted: DaCommitment): Promise<boolean> {
    const { da, chain } = this.#modules;
    const bad = this.#bad.get(keyOf(posted));
    if (bad !== undefined && bad.passOver > 0) {
      bad.passOver--;
      return false;
    }
    try {
      await assertHolds(await da.fetch(posted.commitment), posted, await chain.sealOf(posted.lastBlock));
      this.#bad.delete(keyOf(posted));
      return true;
    } catch (error) {
      if (bad === undefined) this.#report(posted, error);
      // Anything else says that the layer cannot be read, and nothing of the batch.
      if (isStrobeError(error)) this.#remember(posted, bad);
      return false;
    }
  }

  #report({ firstBlock, lastBlock, commitment }: DaCommitment, error: unknown): void {
    const batch = { firstBlock, lastBlock, commitment: toHex(commitment), error: errorMessage(error) };
    this.#modules.logger.warn(batch, isStrobeError(error) ? 'a posted batch is bad' : 'cannot read a posted batch');
  }

  #remember(posted: DaCommitment, { next }: Pick<BadBatch, 'next'> = { next: 1 }): void {
    this.#bad.set(keyOf(posted), { passOver: next, next: Math.min(next * 2, MAX_PASSED_OVER) });
    for (const oldest of this.#bad.keys()) {
      if (this.#bad.size <= MAX_BAD) return;
      this.#bad.delete(oldest);
    }
  }
}

function keyOf({ firstBlock, lastBlock, commitment }: DaCommitment): string {
  return `${firstBlock}-${lastBlock}-${toKey(commitment)}`;
}
