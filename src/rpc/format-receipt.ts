import type { BlobView } from '../protocol/ports/block-view.ts';
import type { IndexedLog, IndexedTransaction } from '../protocol/ports/chain.ts';
import { BLOOM_BYTES, type Log, logsBloom } from '../protocol/receipt.ts';
import { effectiveGasPrice } from '../protocol/transaction.ts';
import { type Hex, toHex } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';
import { quantity } from '../util/quantity.ts';
import { UNSEALED_HASH } from './format-transaction.ts';

/** A receipt object of the OpenRPC document. */
export type RpcReceipt = Readonly<Record<string, unknown>>;
/** A log object of the OpenRPC document. */
export type RpcLog = Readonly<Record<string, unknown>>;

const EMPTY_BLOOM: Hex = toHex(new Uint8Array(BLOOM_BYTES));

export function formatReceipt(indexed: IndexedTransaction): RpcReceipt {
  const { receipt, transaction, view } = indexed;
  return {
    transactionHash: toHex(transaction.hash),
    transactionIndex: quantity(indexed.transactionIndex),
    blockHash: blockHash(indexed),
    blockNumber: quantity(indexed.blockNumber),
    from: toHex(indexed.sender),
    to: transaction.to === undefined ? null : toHex(transaction.to),
    contractAddress: indexed.contractAddress === undefined ? null : toHex(indexed.contractAddress),
    type: quantity(receipt.type),
    gasUsed: quantity(indexed.gasUsed),
    cumulativeGasUsed: quantity(receipt.cumulativeGasUsed),
    effectiveGasPrice: quantity(effectiveGasPrice(transaction, indexed.baseFeePerGas)),
    logs: receipt.logs.map((log, position) => formatLog(indexed, log, position)),
    // The bloom of a plain transfer is worth no hashing.
    logsBloom: receipt.logs.length === 0 ? EMPTY_BLOOM : toHex(logsBloom(receipt.logs)),
    // EIP-658
    ...(view?.postState === undefined ? { status: quantity(receipt.status) } : { root: toHex(view.postState) }),
    ...blobFields(view?.blobs),
  };
}

/** EIP-4844 */
function blobFields(blobs: BlobView | undefined): RpcReceipt {
  if (blobs === undefined) return {};
  return { type: '0x3', blobGasUsed: quantity(blobs.gasUsed), blobGasPrice: quantity(blobs.gasPrice) };
}

/** `position` is the log's place in the receipt; `removed` says that a rollback undid it. */
export function formatLog(indexed: IndexedTransaction, log: Log, position: number, removed = false): RpcLog {
  return {
    address: toHex(log.address),
    topics: log.topics.map(toHex),
    data: toHex(log.data),
    blockNumber: quantity(indexed.blockNumber),
    blockHash: blockHash(indexed),
    blockTimestamp: quantity(indexed.blockTimestamp),
    transactionHash: toHex(indexed.transaction.hash),
    transactionIndex: quantity(indexed.transactionIndex),
    logIndex: quantity(indexed.firstLogIndex + position),
    removed,
  };
}

export function formatIndexedLog({ transaction, position }: IndexedLog): RpcLog {
  const log = transaction.receipt.logs[position];
  invariant(log !== undefined, 'an indexed log lies in its receipt');
  return formatLog(transaction, log, position);
}

function blockHash(indexed: IndexedTransaction): Hex {
  return indexed.blockHash === undefined ? UNSEALED_HASH : toHex(indexed.blockHash);
}
