import type { BlobView } from '../protocol/ports/block-view.ts';
import type { IndexedTransaction } from '../protocol/ports/chain.ts';
import { type Address, ZERO_HASH } from '../protocol/primitives.ts';
import { effectiveGasPrice, type Transaction } from '../protocol/transaction.ts';
import { formatSignedTransaction } from '../protocol/transaction-json.ts';
import { type Hex, toHex } from '../util/bytes.ts';
import { quantity } from '../util/quantity.ts';

/** A transaction object of the OpenRPC document. */
export type RpcTransaction = Readonly<Record<string, unknown>>;

/** The hash of a block that is not sealed yet: 32 zero bytes. */
export const UNSEALED_HASH: Hex = toHex(ZERO_HASH);

/** A transaction in a sealed block or in a durable mini-block. */
export function formatTransaction(indexed: IndexedTransaction): RpcTransaction {
  const { transaction } = indexed;
  return {
    blockHash: indexed.blockHash === undefined ? UNSEALED_HASH : toHex(indexed.blockHash),
    blockNumber: quantity(indexed.blockNumber),
    blockTimestamp: quantity(indexed.blockTimestamp),
    transactionIndex: quantity(indexed.transactionIndex),
    gasPrice: quantity(effectiveGasPrice(transaction, indexed.baseFeePerGas)),
    ...formatSignedTransaction(transaction, indexed.sender),
    ...blobFields(indexed.view?.blobs),
  };
}

/** A blob transaction is one of type 2 with these (EIP-4844). */
function blobFields(blobs: BlobView | undefined): RpcTransaction {
  if (blobs === undefined) return {};
  return {
    type: '0x3',
    maxFeePerBlobGas: quantity(blobs.maxFeePerBlobGas),
    blobVersionedHashes: blobs.versionedHashes.map(toHex),
  };
}

/** A transaction of the pool: it has no place yet, and its gas price is what it may cost at most. */
export function formatPooledTransaction(transaction: Transaction, sender: Address): RpcTransaction {
  return {
    blockHash: null,
    blockNumber: null,
    blockTimestamp: null,
    transactionIndex: null,
    gasPrice: quantity(transaction.maxFeePerGas),
    ...formatSignedTransaction(transaction, sender),
  };
}
