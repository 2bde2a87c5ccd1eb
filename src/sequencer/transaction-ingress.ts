import { poolError } from '../protocol/pool-errors.ts';
import type { TransactionSink } from '../protocol/ports/chain.ts';
import type { SequencerService } from '../protocol/ports/network.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import { decodeTransaction, type Transaction } from '../protocol/transaction.ts';
import type { Bytes } from '../util/bytes.ts';
import type { Mempool } from './mempool.ts';
import { PoolListing } from './pool-listing.ts';

export interface IngressModules {
  readonly mempool: Mempool;
  readonly recovery: { recover(job: { signingHash: Hash; signature: Bytes }): Promise<Address> };
  /** Tells the loop that there is work. */
  readonly wake: () => void;
}

/** The way into the pool: decode, recover the sender, check, add. Serves JSON-RPC here and replicas' links alike. */
export class TransactionIngress implements TransactionSink {
  readonly pool: PoolListing;
  readonly #modules: IngressModules;

  constructor(modules: IngressModules) {
    this.#modules = modules;
    this.pool = new PoolListing(modules);
  }

  /** @throws StrobeError of the transaction decoder, of sender recovery, or a pool error code */
  async submit(raw: Bytes, options: { readonly requireReady?: boolean } = {}): Promise<Hash> {
    const { mempool, recovery, wake } = this.#modules;
    // A copy: a pooled transaction must not keep the message alive that brought it.
    const transaction = decodeTransaction(new Uint8Array(raw));
    // Before recovery, so that sending a thing again costs little.
    if (mempool.find(transaction.hash) !== undefined) throw poolError('ALREADY_KNOWN', 'already known');
    const sender = await recovery.recover(transaction);
    mempool.add(transaction, sender, options.requireReady ?? false);
    wake();
    return transaction.hash;
  }

  async pendingNonce(address: Address): Promise<bigint> {
    return this.#modules.mempool.pendingNonce(address);
  }

  subscribePending(listener: (transaction: Transaction, sender: Address) => void): () => void {
    return this.#modules.mempool.subscribe(listener);
  }

  async pooledTransaction(hash: Hash): Promise<{ transaction: Transaction; sender: Address } | undefined> {
    return this.#modules.mempool.find(hash);
  }

  /** The same for replicas, in the form that travels. */
  service(): SequencerService {
    return {
      submit: (raw, options) => this.submit(raw, options),
      pendingNonce: (address) => this.pendingNonce(address),
      pooledTransaction: async (hash) => this.#modules.mempool.find(hash)?.transaction.raw,
      poolCounts: () => this.pool.counts(),
      poolPage: (from, sender) => this.pool.page(from, sender),
      subscribePending: (listener) => this.subscribePending(({ raw }, sender) => listener({ raw, sender })),
    };
  }
}
