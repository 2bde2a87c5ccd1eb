import type { BlockHeader } from '../protocol/block-header.ts';
import { formatHeader } from '../protocol/header-json.ts';
import type { Block, IndexedTransaction, OpenBlock } from '../protocol/ports/chain.ts';
import { ZERO_HASH } from '../protocol/primitives.ts';
import { BLOOM_BYTES, logsBloom, mergeBloom } from '../protocol/receipt.ts';
import { toHex } from '../util/bytes.ts';
import { quantity } from '../util/quantity.ts';
import { formatTransaction } from './format-transaction.ts';

/** A block or header object of the OpenRPC document. */
export type RpcBlock = Readonly<Record<string, unknown>>;

/** A sealed block; `full` gives transaction objects instead of hashes. */
export function formatBlock(block: Block, full: boolean): RpcBlock {
  return {
    ...formatHeader(block.header, block.hash),
    size: quantity(block.sizeBytes),
    ...body(block.transactions, full),
  };
}

/** The open block (tag `pending`): its hash is null, and the roots that only sealing gives are zero. */
export function formatOpenBlock(open: OpenBlock, full: boolean): RpcBlock {
  const { env, transactions } = open;
  const bloom = new Uint8Array(BLOOM_BYTES);
  for (const { receipt } of transactions) if (receipt.logs.length > 0) mergeBloom(bloom, logsBloom(receipt.logs));
  const header: BlockHeader = {
    ...env,
    stateRoot: ZERO_HASH,
    transactionsRoot: ZERO_HASH,
    receiptsRoot: ZERO_HASH,
    logsBloom: bloom,
    gasUsed: open.gasUsed,
    extraData: new Uint8Array(0),
  };
  return { ...formatHeader(header, ZERO_HASH), hash: null, size: '0x0', ...body(transactions, full) };
}

function body(transactions: readonly IndexedTransaction[], full: boolean): RpcBlock {
  return {
    transactions: full ? transactions.map(formatTransaction) : transactions.map(({ transaction }) => toHex(transaction.hash)),
    uncles: [],
    withdrawals: [],
  };
}
