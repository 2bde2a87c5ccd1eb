import type { TransactionSink } from '../protocol/ports/chain.ts';
import type { SequencerLink } from '../protocol/ports/network.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import { decodeTransaction, type Transaction } from '../protocol/transaction.ts';
import type { Bytes } from '../util/bytes.ts';
import { recoverAddress } from '../util/secp256k1.ts';

/** A replica's way into the pool: everything goes to the sequencer, whose answers and codes come back unchanged. */
export class ForwardingSink implements TransactionSink {
  readonly #link: SequencerLink;

  constructor(modules: { readonly link: SequencerLink }) {
    this.#link = modules.link;
  }

  /** @throws StrobeError of the transaction decoder, a pool error code, SEQUENCER_UNREACHABLE */
  async submit(raw: Bytes, options: { readonly requireReady?: boolean } = {}): Promise<Hash> {
    // What cannot be decoded is refused here: it costs the sequencer nothing.
    const { hash } = decodeTransaction(raw);
    await this.#link.submit(raw, { requireReady: options.requireReady ?? false });
    return hash;
  }

  pendingNonce(address: Address): Promise<bigint> {
    return this.#link.pendingNonce(address);
  }

  /**
   * Best effort, see {@link SequencerLink.subscribePending}. Hashes are made here; the sender is the sequencer's word, as in
   * its mini-blocks and its listing of the pool: to recover it would take this thread 60 µs a transaction, and nothing is
   * decided by it.
   */
  subscribePending(listener: (transaction: Transaction, sender: Address) => void): () => void {
    return this.#link.subscribePending(({ raw, sender }) => {
      const transaction = decodeIfPossible(raw);
      if (transaction !== undefined) listener(transaction, sender);
    });
  }

  async pooledTransaction(hash: Hash): Promise<{ transaction: Transaction; sender: Address } | undefined> {
    const raw = await this.#link.pooledTransaction(hash);
    if (raw === undefined) return undefined;
    const transaction = decodeTransaction(raw);
    return { transaction, sender: recoverAddress(transaction.signingHash, transaction.signature) };
  }
}

/** Undefined for what is no transaction to this node. */
function decodeIfPossible(raw: Bytes): Transaction | undefined {
  try {
    return decodeTransaction(raw);
  } catch {
    return undefined;
  }
}
