import type { ChainReader, ChainWriter } from '../protocol/ports/chain.ts';
import type { NetDiffComposer } from '../protocol/ports/state.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import type { FullNodeLogger } from './full-node-options.ts';

/** Under way at a time: a state keeps the old values of no more. */
const MAX_COMPOSING = 2;
/** Kept in memory; beyond it they go to the store. */
const MAX_BYTES = 64 * 1024 * 1024;

export interface BlockDiffsModules {
  readonly netDiffs: NetDiffComposer;
  readonly chain: Pick<ChainReader, 'blockDiff' | 'blockStatus'> & Pick<ChainWriter, 'putBlockDiff'>;
  readonly logger: FullNodeLogger;
  /** A block's net diff is not the one that its seal names; the block may have been undone meanwhile. */
  readonly onWrongDigest: (seal: BlockSeal, netDiff: Bytes) => void;
}

/**
 * Net diffs of sealed blocks whose root is not proven yet. They are composed and compared with the seals beside the
 * application of mini-blocks, which a busy block's would hold up for a tenth of a second; no block becomes safe without.
 * After a restart they are composed again while the log is replayed.
 */
export class BlockDiffs {
  readonly #modules: BlockDiffsModules;
  readonly #composing = new Set<Promise<void>>();
  /** The newest composition of each block number, while it is under way. */
  readonly #newest = new Map<number, Promise<void>>();
  readonly #diffs = new Map<number, Bytes>();
  #bytes = 0;

  constructor(modules: BlockDiffsModules) {
    this.#modules = modules;
  }

  /** A block was sealed. Resolves when its diff is being composed: sealing goes no faster than that. */
  async add(seal: BlockSeal): Promise<void> {
    while (this.#composing.size >= MAX_COMPOSING) await Promise.race(this.#composing);
    const { number } = seal.header;
    const composed = this.#compose(seal, () => this.#newest.get(number) === composed);
    this.#composing.add(composed);
    this.#newest.set(number, composed);
    const forget = (): void => {
      this.#composing.delete(composed);
      if (this.#newest.get(number) === composed) this.#newest.delete(number);
    };
    // Whoever waits for it fails with it.
    composed.then(forget, forget);
  }

  /** As {@link BlockDiffs.add}, for a block of an earlier process. */
  async restore(seal: BlockSeal): Promise<void> {
    const { chain } = this.#modules;
    const { number } = seal.header;
    if ((await chain.blockStatus(number))?.rootVerified || (await chain.blockDiff(number)) !== undefined) return;
    await this.add(seal);
  }

  async #compose(seal: BlockSeal, isCurrent: () => boolean): Promise<void> {
    const { netDiffs, logger, onWrongDigest } = this.#modules;
    const { firstNumber, lastNumber, header } = seal;
    try {
      const { bytes, digest } = await netDiffs.compose(firstNumber - 1, lastNumber);
      if (!isCurrent()) return;
      if (bytesEqual(digest, seal.stateDiffDigest)) await this.#keep(header.number, bytes);
      else onWrongDigest(seal, bytes);
    } catch (error) {
      if (!isStrobeError(error, 'STATE_FORGOTTEN')) throw error;
      if (!isCurrent()) return;
      logger.error({ blockNumber: header.number }, 'a block changed more than is kept: it stays unproven until a restart');
    }
  }

  async #keep(blockNumber: number, diff: Bytes): Promise<void> {
    if (this.#bytes + diff.length > MAX_BYTES) return this.#modules.chain.putBlockDiff(blockNumber, diff);
    this.#diffs.set(blockNumber, diff);
    this.#bytes += diff.length;
  }

  /** Canonical bytes of a block's net diff, which has the digest in its seal; undefined when they are not to be had. */
  async get(blockNumber: number): Promise<Bytes | undefined> {
    await this.#newest.get(blockNumber);
    return this.#diffs.get(blockNumber) ?? this.#modules.chain.blockDiff(blockNumber);
  }

  /** Forgets the diff of a block whose root is proven, or that was undone. */
  release(blockNumber: number): void {
    const diff = this.#diffs.get(blockNumber);
    if (diff === undefined) return;
    this.#diffs.delete(blockNumber);
    this.#bytes -= diff.length;
  }

  /** Forgets blocks above `blockNumber`: they were undone. */
  releaseAbove(blockNumber: number): void {
    for (const number of this.#newest.keys()) if (number > blockNumber) this.#newest.delete(number);
    for (const number of this.#diffs.keys()) if (number > blockNumber) this.release(number);
  }
}
