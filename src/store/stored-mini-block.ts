import type { BlockEnvironment } from '../protocol/block-header.ts';
import type { MiniBlock } from '../protocol/mini-block.ts';
import type { AppliedMiniBlock } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { BlockPosition, ChainTransaction } from './indexed-transaction.ts';

/** What is known of a mini-block without looking at its transactions. */
export interface MiniBlockFacts {
  readonly miniBlock: MiniBlock;
  readonly env: BlockEnvironment;
  /** Where it starts in its block. */
  readonly start: BlockPosition;
  readonly transactionCount: number;
  readonly gasUsed: bigint;
}

/** A mini-block as a store keeps it: its transactions are made when somebody asks, and get their block hash with the seal. */
export class StoredMiniBlock implements AppliedMiniBlock {
  readonly miniBlock: MiniBlock;
  readonly env: BlockEnvironment;
  readonly start: BlockPosition;
  readonly transactionCount: number;
  readonly gasUsed: bigint;
  readonly #make: () => readonly ChainTransaction[];
  #transactions: readonly ChainTransaction[] | undefined;
  #blockHash: Hash | undefined;

  constructor(facts: MiniBlockFacts, make: () => readonly ChainTransaction[]) {
    this.miniBlock = facts.miniBlock;
    this.env = facts.env;
    this.start = facts.start;
    this.transactionCount = facts.transactionCount;
    this.gasUsed = facts.gasUsed;
    this.#make = make;
  }

  get firstLogIndex(): number {
    return this.start.logIndex;
  }

  get transactions(): readonly ChainTransaction[] {
    if (this.#transactions === undefined) {
      this.#transactions = this.#make();
      this.#stamp(this.#transactions);
    }
    return this.#transactions;
  }

  /** Its block was sealed. */
  seal(blockHash: Hash): void {
    this.#blockHash = blockHash;
    if (this.#transactions !== undefined) this.#stamp(this.#transactions);
  }

  #stamp(transactions: readonly ChainTransaction[]): void {
    for (const transaction of transactions) transaction.blockHash = this.#blockHash;
  }
}
