import { headerViewItems } from '../protocol/header-view.ts';
import type { Withdrawal } from '../protocol/ports/block-view.ts';
import type { Block, IndexedTransaction } from '../protocol/ports/chain.ts';
import { encodeReceipt, logsBloom } from '../protocol/receipt.ts';
import { decodeRlp, encodeRlp, fromNumber, type RlpItem } from '../protocol/rlp.ts';
import { type Bytes, concatBytes } from '../util/bytes.ts';
import { viewBlock } from './view-block.ts';

// Blocks and receipts as they travel between clients of Ethereum and as the roots of headers are made of.

/** The first byte from which on RLP is a list: a transaction of another beginning is a typed one (EIP-2718). */
const FIRST_LIST_BYTE = 0xc0;
const BLOB_TRANSACTION_TYPE = 3;

/** `rlp([header, transactions, ommers, withdrawals])`, the last since EIP-4895. */
export function encodeBlock(block: Block): Bytes {
  const { header, ommers, withdrawals } = viewBlock(block);
  const body: RlpItem[] = [block.transactions.map(transactionItem), ommers.map(headerViewItems)];
  if (withdrawals !== undefined) body.push(withdrawals.map(withdrawalItem));
  return encodeRlp([headerViewItems(header), ...body]);
}

/** A legacy transaction is a list in its block, a typed one a string. */
function transactionItem({ transaction: { raw } }: IndexedTransaction): RlpItem {
  return (raw[0] as number) >= FIRST_LIST_BYTE ? decodeRlp(raw) : raw;
}

function withdrawalItem({ index, validatorIndex, address, amountGwei }: Withdrawal): RlpItem {
  return [fromNumber(index), fromNumber(validatorIndex), address, fromNumber(amountGwei)];
}

/** The consensus receipt of a transaction, of whatever fork its block is. */
export function encodeIndexedReceipt({ receipt, view }: IndexedTransaction): Bytes {
  if (view?.postState !== undefined) {
    const logs = receipt.logs.map((log) => [log.address, log.topics, log.data]);
    return encodeRlp([view.postState, fromNumber(receipt.cumulativeGasUsed), logsBloom(receipt.logs), logs]);
  }
  if (view?.blobs === undefined) return encodeReceipt(receipt);
  return concatBytes(Uint8Array.of(BLOB_TRANSACTION_TYPE), encodeReceipt({ ...receipt, type: 0 }));
}
