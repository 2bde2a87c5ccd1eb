import { PoolList } from '../protocol/pool-list.ts';
import type { SequencerLink } from '../protocol/ports/network.ts';
import type { ListedTransaction, PoolCounts, PoolReader } from '../protocol/ports/pool.ts';
import type { Address } from '../protocol/primitives.ts';
import { decodeTransaction } from '../protocol/transaction.ts';

/** The sequencer's pool, read page by page over the link. */
export class ForwardedPool implements PoolReader {
  readonly #link: SequencerLink;

  constructor(modules: { readonly link: SequencerLink }) {
    this.#link = modules.link;
  }

  counts(): Promise<PoolCounts> {
    return this.#link.poolCounts();
  }

  async list(limit: number, sender?: Address): Promise<readonly ListedTransaction[]> {
    const list = new PoolList(limit);
    for (let from: number | undefined = 0; from !== undefined; ) {
      const page = await this.#link.poolPage(from, sender);
      for (const { raw, sender: owner, isQueued } of page.entries) {
        list.add({ transaction: decodeTransaction(raw), sender: owner, isQueued });
      }
      from = page.next;
    }
    return list.transactions();
  }
}
