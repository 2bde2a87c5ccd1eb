import type { Common } from '@ethereumjs/common';
import { RLP } from '@ethereumjs/rlp';
import { createTxFromRLP } from '@ethereumjs/tx';
import type { TransactionSink } from '../../../src/protocol/ports/chain.ts';
import type { SignedTransaction } from '../../../src/protocol/ports/execution.ts';
import type { PoolReader } from '../../../src/protocol/ports/pool.ts';
import type { StateReader } from '../../../src/protocol/ports/state.ts';
import type { Address, Hash } from '../../../src/protocol/primitives.ts';
import { type Bytes, bytesEqual, concatBytes, toKey } from '../../../src/util/bytes.ts';
import { fakePool } from '../fake-pool.ts';
import { toTransaction } from './convert-block.ts';

const BLOB_TRANSACTION_TYPE = 3;

/** A pool that takes whatever is signed, transactions with blobs too: nothing is ever mined from it. */
export class MemoryPool implements TransactionSink {
  readonly listing: PoolReader;
  readonly #common: Common;
  readonly #state: StateReader;
  readonly #transactions = new Map<string, SignedTransaction>();

  constructor(common: Common, state: StateReader) {
    this.#common = common;
    this.#state = state;
    this.listing = fakePool(this.#transactions, (sender) => state.getAccount(sender)?.nonce ?? 0n);
  }

  async submit(raw: Bytes): Promise<Hash> {
    const tx = createTxFromRLP(withoutSidecar(raw), { common: this.#common });
    const transaction = toTransaction(tx);
    this.#transactions.set(toKey(transaction.hash), { transaction, sender: tx.getSenderAddress().bytes });
    return transaction.hash;
  }

  async pendingNonce(address: Address): Promise<bigint> {
    const pooled = [...this.#transactions.values()].filter(({ sender }) => bytesEqual(sender, address));
    return (this.#state.getAccount(address)?.nonce ?? 0n) + BigInt(pooled.length);
  }

  /** No case of the suite is about them. */
  subscribePending(): () => void {
    return () => {};
  }

  async pooledTransaction(hash: Hash): Promise<SignedTransaction | undefined> {
    return this.#transactions.get(toKey(hash));
  }
}

/** A transaction with blobs travels as a list of its signed part, the blobs and their proofs (EIP-4844, EIP-7594). */
function withoutSidecar(raw: Bytes): Bytes {
  if (raw[0] !== BLOB_TRANSACTION_TYPE) return raw;
  const items = RLP.decode(raw.subarray(1)) as Parameters<typeof RLP.encode>[0][];
  return concatBytes(raw.subarray(0, 1), RLP.encode(items[0]));
}
