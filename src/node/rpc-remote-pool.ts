import type { TransactionSink } from '../protocol/ports/chain.ts';
import type { PooledBytes, PoolReader } from '../protocol/ports/pool.ts';
import type { Address } from '../protocol/primitives.ts';
import { decodeTransaction, type Transaction } from '../protocol/transaction.ts';
import type { Bytes } from '../util/bytes.ts';
import type { Remote } from '../util/remote-services.ts';
import { recoverAddress } from '../util/secp256k1.ts';
import type { RecentlyPooled } from './recently-pooled.ts';
import type { CoreServices } from './rpc-thread-api.ts';

/** The pool as it is listed, of the thread of JSON-RPC. */
export function remoteListing(core: Remote<CoreServices['listing']>): PoolReader {
  return {
    counts: () => core.counts(),
    list: async (limit, sender) => {
      const entries = await core.list(limit, sender);
      return entries.map(({ raw, ...entry }) => ({ ...entry, transaction: decodeTransaction(raw) }));
    },
  };
}

type PendingListener = (transaction: Transaction, sender: Address) => void;

export interface RemotePoolModules {
  readonly core: { readonly [K in 'transactions' | 'pool' | 'arrivals']: Remote<CoreServices[K]> };
  /** Nonce of an account in the newest state here. */
  readonly nonceOf: (address: Address) => bigint;
  /** On a replica, which hears of mini-blocks after the pool has given up what is in them. */
  readonly recentlyPooled: RecentlyPooled | undefined;
}

/** The way into the pool from the thread of JSON-RPC. */
export class RemotePool implements TransactionSink {
  readonly #core: Remote<CoreServices['transactions']>;
  readonly #pool: Remote<CoreServices['pool']>;
  readonly #arrivals: Remote<CoreServices['arrivals']>;
  readonly #modules: Omit<RemotePoolModules, 'core'>;
  readonly #listeners = new Set<PendingListener>();

  constructor({ core, ...modules }: RemotePoolModules) {
    this.#core = core.transactions;
    this.#pool = core.pool;
    this.#arrivals = core.arrivals;
    this.#modules = modules;
  }

  async submit(raw: Bytes, options: { readonly requireReady?: boolean } = {}): Promise<Bytes> {
    const hash = await this.#core.submit(raw, options);
    this.#modules.recentlyPooled?.note(hash, raw);
    return hash;
  }

  pendingNonce(address: Address): Promise<bigint> {
    return this.#core.pendingNonce(address);
  }

  async pooledTransaction(hash: Bytes): Promise<{ transaction: Transaction; sender: Address } | undefined> {
    const found = await this.#pool.find(hash);
    if (found === undefined) return this.#includedElsewhere(hash);
    this.#modules.recentlyPooled?.note(hash, found.raw);
    return { transaction: decodeTransaction(found.raw), sender: found.sender };
  }

  /**
   * What was pooled a moment ago and is not any more is in a mini-block that this node has not applied yet: it is pending
   * here, until its sender's nonce has gone by. Whoever polls for it does not see it disappear.
   */
  #includedElsewhere(hash: Bytes): { transaction: Transaction; sender: Address } | undefined {
    const raw = this.#modules.recentlyPooled?.find(hash);
    if (raw === undefined) return undefined;
    const transaction = decodeTransaction(raw);
    const sender = recoverAddress(transaction.signingHash, transaction.signature);
    return this.#modules.nonceOf(sender) > transaction.nonce ? undefined : { transaction, sender };
  }

  /** The core thread tells of a new transaction, and may do so for a moment after the last listener left. */
  onPooled({ raw, sender }: PooledBytes): void {
    if (this.#listeners.size === 0) return;
    const transaction = decodeTransaction(raw);
    for (const listener of this.#listeners) listener(transaction, sender);
  }

  subscribePending(listener: PendingListener): () => void {
    // A wrapper of its own, so that one function subscribed twice is two listeners.
    const own: PendingListener = (transaction, sender) => listener(transaction, sender);
    this.#listeners.add(own);
    if (this.#listeners.size === 1) this.#watch(true);
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#watch(false);
    };
  }

  #watch(isWatched: boolean): void {
    // It fails only with the thread, which everybody hears of.
    this.#arrivals.watch(isWatched).catch(() => undefined);
  }
}
