import type { TransactionSink } from '../../protocol/ports/chain.ts';
import { toHex } from '../../util/bytes.ts';
import { formatPooledTransaction } from '../format-transaction.ts';
import type { Push } from '../rpc-caller.ts';
import { SubscriberSet } from './subscriber-set.ts';

/** Subscribers of pooled transactions. The pool is listened to only while there are some: its path is the hot one. */
export class PendingSubscribers {
  readonly #transactions: TransactionSink;
  readonly #hashes = new SubscriberSet();
  readonly #full = new SubscriberSet();
  #unsubscribe: (() => void) | undefined;

  constructor(modules: { transactions: TransactionSink }) {
    this.#transactions = modules.transactions;
  }

  add(full: boolean, push: Push): () => void {
    const remove = (full ? this.#full : this.#hashes).add(push);
    this.#unsubscribe ??= this.#transactions.subscribePending((transaction, sender) => {
      this.#hashes.publish(() => toHex(transaction.hash));
      this.#full.publish(() => formatPooledTransaction(transaction, sender));
    });
    return () => {
      remove();
      if (this.#hashes.size + this.#full.size === 0) this.stop();
    };
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }
}
