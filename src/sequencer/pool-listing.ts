import { MAX_POOL_PAGE_ENTRIES, MAX_TRANSACTION_BYTES } from '../protocol/limits.ts';
import { PoolList } from '../protocol/pool-list.ts';
import type { ListedTransaction, PoolCounts, PoolPage, PoolPageEntry, PoolReader } from '../protocol/ports/pool.ts';
import type { Address } from '../protocol/primitives.ts';
import type { Mempool } from './mempool.ts';

/** The pool as users see it: whole for JSON-RPC here, in pages for replicas. */
export class PoolListing implements PoolReader {
  readonly #mempool: Mempool;

  constructor(modules: { readonly mempool: Mempool }) {
    this.#mempool = modules.mempool;
  }

  async counts(): Promise<PoolCounts> {
    return this.#mempool.counts();
  }

  async list(limit: number, sender?: Address): Promise<readonly ListedTransaction[]> {
    const list = new PoolList(limit);
    for (const pooled of this.#mempool.list(0, sender)) {
      list.add({ transaction: pooled.transaction, sender: pooled.sender, isQueued: this.#mempool.isQueued(pooled) });
    }
    return list.transactions();
  }

  /** See SequencerService.poolPage: pages begin at a number of arrival, so they hold while the pool changes. */
  async page(from: number, sender: Address | undefined): Promise<PoolPage> {
    const entries: PoolPageEntry[] = [];
    let bytes = 0;
    for (const pooled of this.#mempool.list(from, sender)) {
      const { raw } = pooled.transaction;
      bytes += raw.length;
      const isFull = bytes > MAX_TRANSACTION_BYTES || entries.length === MAX_POOL_PAGE_ENTRIES;
      if (isFull && entries.length > 0) return { entries, next: pooled.arrival };
      entries.push({ raw, sender: pooled.sender, isQueued: this.#mempool.isQueued(pooled) });
    }
    return { entries, next: undefined };
  }
}
