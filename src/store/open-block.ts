import type { BlockEnvironment } from '../protocol/block-header.ts';
import type { MiniBlockCommit, OpenBlock } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { invariant } from '../util/errors.ts';
import { transactionSize } from './block-size.ts';
import { BLOCK_START, type BlockPosition, type ChainTransaction, indexTransactions } from './indexed-transaction.ts';
import { StoredMiniBlock } from './stored-mini-block.ts';

/** The block under construction. */
export class OpenBlockBuilder {
  readonly env: BlockEnvironment;
  #miniBlocks: StoredMiniBlock[] = [];
  /** Of the first `#listed` mini-blocks. */
  #transactions: ChainTransaction[] = [];
  #listed = 0;
  #view: OpenBlock | undefined;

  constructor(env: BlockEnvironment) {
    this.env = env;
  }

  get miniBlocks(): readonly StoredMiniBlock[] {
    return this.#miniBlocks;
  }

  get transactions(): readonly ChainTransaction[] {
    for (; this.#listed < this.#miniBlocks.length; this.#listed++) {
      for (const transaction of (this.#miniBlocks[this.#listed] as StoredMiniBlock).transactions) {
        this.#transactions.push(transaction);
      }
    }
    return this.#transactions;
  }

  /** The newest mini-block: an open block has at least one, outside of a rollback. */
  get tip(): { readonly number: number; readonly digest: Hash } {
    const newest = this.#miniBlocks.at(-1)?.miniBlock;
    invariant(newest !== undefined, 'an open block has a mini-block');
    return { number: newest.envelope.number, digest: newest.digest };
  }

  /** Where the next mini-block would start, but for its logs. */
  get #gasUsed(): bigint {
    const newest = this.#miniBlocks.at(-1);
    return newest === undefined ? 0n : newest.start.gasUsed + newest.gasUsed;
  }

  append(commit: MiniBlockCommit): StoredMiniBlock {
    const { miniBlock, body, decoded } = commit;
    const start = this.#end();
    const place = { env: this.env, miniBlockNumber: miniBlock.envelope.number, blockHash: undefined };
    const { transactions, end } = indexTransactions(body, decoded, place, start);
    const facts = {
      ...{ miniBlock, env: this.env, start },
      ...{ transactionCount: transactions.length, gasUsed: end.gasUsed - start.gasUsed },
    };
    const stored = new StoredMiniBlock(facts, () => transactions);
    this.add(stored);
    return stored;
  }

  /** Adds the next mini-block. */
  add(stored: StoredMiniBlock): void {
    this.#miniBlocks.push(stored);
    this.#view = undefined;
  }

  /** Drops the mini-blocks above `number` and returns them in chain order. */
  truncateAfter(number: number): StoredMiniBlock[] {
    const removed = this.#miniBlocks.filter((stored) => stored.miniBlock.envelope.number > number);
    const [first] = removed;
    if (first === undefined) return removed;
    this.#miniBlocks = this.#miniBlocks.slice(0, -removed.length);
    this.#transactions = this.#transactions.slice(0, first.start.transactionIndex);
    this.#listed = Math.min(this.#listed, this.#miniBlocks.length);
    this.#view = undefined;
    return removed;
  }

  /** The block as readers see it: it does not change under them. */
  view(): OpenBlock {
    if (this.#view !== undefined) return this.#view;
    const { env } = this;
    const gasUsed = this.#gasUsed;
    const miniBlocks = this.#miniBlocks.slice();
    let transactions: readonly ChainTransaction[] | undefined;
    const list = (): readonly ChainTransaction[] => {
      transactions ??= miniBlocks.flatMap((miniBlock) => miniBlock.transactions);
      return transactions;
    };
    this.#view = {
      env,
      gasUsed,
      get transactions() {
        return list();
      },
    };
    return this.#view;
  }

  transactionBytes(): number {
    return this.transactions.reduce((sum, { transaction }) => sum + transactionSize(transaction.raw), 0);
  }

  /** Where the next mini-block starts. */
  #end(): BlockPosition {
    const newest = this.#miniBlocks.at(-1);
    if (newest === undefined) return BLOCK_START;
    const { start, transactionCount, transactions } = newest;
    return {
      transactionIndex: start.transactionIndex + transactionCount,
      gasUsed: this.#gasUsed,
      logIndex: transactions.reduce((sum, { receipt }) => sum + receipt.logs.length, start.logIndex),
    };
  }
}
