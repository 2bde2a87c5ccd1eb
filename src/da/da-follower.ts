import type { DaCommitment, DataAvailability } from '../protocol/ports/da.ts';
import { toHex, toKey } from '../util/bytes.ts';
import { errorMessage } from '../util/errors.ts';
import { assertHolds, markPosted } from './batch-blocks.ts';
import { type DaChain, type DaLogger, nextRound } from './da-modules.ts';

export interface DaFollowerOptions {
  /** Time between two looks at the layer. */
  readonly intervalMs: number;
  /** The oldest block of this node, 1 unless its chain begins with a snapshot: older ones are passed over. */
  readonly firstBlock: number;
}

const DEFAULT_OPTIONS: DaFollowerOptions = { intervalMs: 2_000, firstBlock: 1 };

/** Bad batches remembered so as to be reported once; beyond it the oldest may be reported again. */
const MAX_REPORTED = 1_024;

export interface DaFollowerModules {
  readonly da: DataAvailability;
  readonly chain: DaChain;
  readonly logger: DaLogger;
}

/**
 * Watches what is posted and marks this node's safe blocks as posted and final once a batch is proven to hold them.
 * Whatever lies in the layer is somebody else's word: a bad batch is reported and passed over, and so is a layer that
 * cannot be read.
 */
export class DaFollower {
  readonly #options: DaFollowerOptions;
  readonly #modules: DaFollowerModules;
  readonly #reported = new Set<string>();

  constructor(options: Partial<DaFollowerOptions>, modules: DaFollowerModules) {
    this.#options = { ...DEFAULT_OPTIONS, ...options };
    this.#modules = modules;
  }

  /** Follows until `signal` aborts; rejects only when the chain itself cannot be written. */
  async run(signal: AbortSignal): Promise<void> {
    do await this.catchUp();
    while (await nextRound(this.#options.intervalMs, signal));
  }

  /** Marks every block that is safe here and proven to be posted. */
  async catchUp(): Promise<void> {
    const { chain } = this.#modules;
    for (const posted of await this.#list()) {
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
    if (this.#reported.has(keyOf(posted))) return false;
    try {
      assertHolds(await da.fetch(posted.commitment), posted, await chain.sealOf(posted.lastBlock));
      return true;
    } catch (error) {
      this.#report(posted, error);
      return false;
    }
  }

  #report(posted: DaCommitment, error: unknown): void {
    const { firstBlock, lastBlock, commitment } = posted;
    this.#modules.logger.warn(
      { firstBlock, lastBlock, commitment: toHex(commitment), error: errorMessage(error) },
      'a posted batch is bad',
    );
    this.#reported.add(keyOf(posted));
    for (const oldest of this.#reported) {
      if (this.#reported.size <= MAX_REPORTED) return;
      this.#reported.delete(oldest);
    }
  }
}

function keyOf({ firstBlock, lastBlock, commitment }: DaCommitment): string {
  return `${firstBlock}-${lastBlock}-${toKey(commitment)}`;
}
