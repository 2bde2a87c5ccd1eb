import { effectiveGasPrice } from '../protocol/transaction.ts';
import { formatSignedTransaction } from '../protocol/transaction-json.ts';
import { toHex } from '../util/bytes.ts';
import { quantity } from '../util/quantity.ts';
import type { JsonObject } from './json-fields.ts';
import type { ProvenReceipt } from './proven-receipt.ts';

/** A transaction object as eth_getTransactionByHash answers it. */
export function formatTransaction({ block, index, transaction, sender }: ProvenReceipt): JsonObject {
  const { header, hash } = block;
  return {
    blockHash: toHex(hash),
    blockNumber: quantity(header.number),
    blockTimestamp: quantity(header.timestamp),
    transactionIndex: quantity(index),
    gasPrice: quantity(effectiveGasPrice(transaction, header.baseFeePerGas)),
    ...formatSignedTransaction(transaction, sender),
  };
}
