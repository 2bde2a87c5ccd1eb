import type { Block } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import { toKey } from '../util/bytes.ts';
import type { ChainTransaction } from './indexed-transaction.ts';
import type { StoredMiniBlock } from './stored-mini-block.ts';

export interface RecentBlock {
  readonly block: Block;
  readonly seal: BlockSeal;
  readonly miniBlocks: readonly StoredMiniBlock[];
}

/** What a block counts towards the bound: its transactions, and something for itself and each mini-block. */
function weightOf({ miniBlocks }: RecentBlock): number {
  return miniBlocks.reduce((sum, { transactionCount }) => sum + transactionCount + 1, 1);
}

/** The newest sealed blocks in memory, without gaps, with the transactions and mini-blocks of the open block beside them. */
export class RecentBlocks {
  readonly #maxWeight: number;
  readonly #blocks = new Map<number, RecentBlock>();
  readonly #numbers = new Map<string, number>();
  readonly #transactions = new Map<string, ChainTransaction>();
  readonly #miniBlocks = new Map<number, StoredMiniBlock>();
  /** Mini-blocks whose transactions are not in the index: nobody has asked for one by hash since. */
  readonly #unindexed = new Set<StoredMiniBlock>();
  #weight = 0;

  constructor(maxWeight: number) {
    this.#maxWeight = maxWeight;
  }

  /** Number of the oldest block here, undefined when there is none. */
  oldest(): number | undefined {
    return this.#blocks.keys().next().value;
  }

  block(blockNumber: number): RecentBlock | undefined {
    return this.#blocks.get(blockNumber);
  }

  /** Blocks above `blockNumber`, ascending. */
  above(blockNumber: number): RecentBlock[] {
    return [...this.#blocks.entries()].filter(([number]) => number > blockNumber).map(([, recent]) => recent);
  }

  numberOf(hash: Hash): number | undefined {
    return this.#numbers.get(toKey(hash));
  }

  transaction(hash: Hash): ChainTransaction | undefined {
    for (const stored of this.#unindexed) this.#index(stored);
    return this.#transactions.get(toKey(hash));
  }

  miniBlock(number: number): StoredMiniBlock | undefined {
    return this.#miniBlocks.get(number);
  }

  /** Remembers a mini-block of the open block. */
  addMiniBlock(stored: StoredMiniBlock): void {
    this.#miniBlocks.set(stored.miniBlock.envelope.number, stored);
    this.#unindexed.add(stored);
  }

  removeMiniBlocks(miniBlocks: readonly StoredMiniBlock[]): void {
    for (const stored of miniBlocks) {
      this.#miniBlocks.delete(stored.miniBlock.envelope.number);
      if (this.#unindexed.delete(stored)) continue;
      for (const transaction of stored.transactions) this.#transactions.delete(toKey(transaction.transaction.hash));
    }
  }

  /** Adds the next block; its mini-blocks are here already. */
  addBlock(recent: RecentBlock): void {
    this.#blocks.set(recent.block.header.number, recent);
    this.#numbers.set(toKey(recent.block.hash), recent.block.header.number);
    this.#weight += weightOf(recent);
  }

  /** Drops the oldest blocks beyond the bound, but the newest block never, and none that is not in the database yet. */
  evict(storedUpTo: number): void {
    for (const [number, recent] of this.#blocks) {
      if (this.#weight <= this.#maxWeight || this.#blocks.size === 1 || number > storedUpTo) return;
      this.#remove(number, recent);
    }
  }

  /** Drops the blocks above `blockNumber`. */
  removeAbove(blockNumber: number): void {
    for (const [number, recent] of this.#blocks) if (number > blockNumber) this.#remove(number, recent);
  }

  #index(stored: StoredMiniBlock): void {
    for (const transaction of stored.transactions) this.#transactions.set(toKey(transaction.transaction.hash), transaction);
    this.#unindexed.delete(stored);
  }

  #remove(number: number, recent: RecentBlock): void {
    this.#blocks.delete(number);
    this.#numbers.delete(toKey(recent.block.hash));
    this.#weight -= weightOf(recent);
    this.removeMiniBlocks(recent.miniBlocks);
  }
}
