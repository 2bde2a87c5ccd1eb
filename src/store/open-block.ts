import type { BlockEnvironment } from '../protocol/block-header.ts';
import type { AppliedMiniBlock, MiniBlockCommit, OpenBlock } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { invariant } from '../util/errors.ts';
import { transactionSize } from './block-size.ts';
import { BLOCK_START, type BlockPosition, type ChainTransaction, indexTransactions } from './indexed-transaction.ts';

/** A mini-block as this store keeps it: its transactions get their block hash with the seal. */
export interface StoredMiniBlock extends AppliedMiniBlock {
  readonly transactions: readonly ChainTransaction[];
  /** Where it starts in its block. */
  readonly start: BlockPosition;
}

/** The block under construction. */
export class OpenBlockBuilder {
  readonly env: BlockEnvironment;
  #miniBlocks: StoredMiniBlock[] = [];
  #transactions: ChainTransaction[] = [];
  #end = BLOCK_START;
  #view: OpenBlock | undefined;

  constructor(env: BlockEnvironment) {
    this.env = env;
  }

  get miniBlocks(): readonly StoredMiniBlock[] {
    return this.#miniBlocks;
  }

  get transactions(): readonly ChainTransaction[] {
    return this.#transactions;
  }

  /** The newest mini-block: an open block has at least one, outside of a rollback. */
  get tip(): { readonly number: number; readonly digest: Hash } {
    const newest = this.#miniBlocks.at(-1)?.miniBlock;
    invariant(newest !== undefined, 'an open block has a mini-block');
    return { number: newest.envelope.number, digest: newest.digest };
  }

  append(commit: MiniBlockCommit): StoredMiniBlock {
    const { miniBlock, body, decoded } = commit;
    const place = { env: this.env, miniBlockNumber: miniBlock.envelope.number, blockHash: undefined };
    const { transactions, end } = indexTransactions(body, decoded, place, this.#end);
    const gasUsed = end.gasUsed - this.#end.gasUsed;
    const { logIndex: firstLogIndex } = this.#end;
    const stored: StoredMiniBlock = { miniBlock, env: this.env, transactions, gasUsed, firstLogIndex, start: this.#end };
    this.#miniBlocks.push(stored);
    for (const transaction of transactions) this.#transactions.push(transaction);
    this.#end = end;
    this.#view = undefined;
    return stored;
  }

  /** Drops the mini-blocks above `number` and returns them in chain order. */
  truncateAfter(number: number): StoredMiniBlock[] {
    const removed = this.#miniBlocks.filter((stored) => stored.miniBlock.envelope.number > number);
    const [first] = removed;
    if (first === undefined) return removed;
    this.#miniBlocks = this.#miniBlocks.slice(0, -removed.length);
    this.#transactions = this.#transactions.slice(0, first.start.transactionIndex);
    this.#end = first.start;
    this.#view = undefined;
    return removed;
  }

  /** The block as readers see it: it does not change under them. */
  view(): OpenBlock {
    this.#view ??= { env: this.env, transactions: this.#transactions.slice(), gasUsed: this.#end.gasUsed };
    return this.#view;
  }

  transactionBytes(): number {
    return this.#transactions.reduce((sum, { transaction }) => sum + transactionSize(transaction.raw), 0);
  }
}
