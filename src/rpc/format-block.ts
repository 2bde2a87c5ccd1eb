import type { BlockHeader } from '../protocol/block-header.ts';
import { formatHeader, formatHeaderView } from '../protocol/header-json.ts';
import { encodeHeaderView, type HeaderView, headerViewItems } from '../protocol/header-view.ts';
import type { Withdrawal } from '../protocol/ports/block-view.ts';
import type { Block, IndexedTransaction, OpenBlock } from '../protocol/ports/chain.ts';
import { type Hash, ZERO_HASH } from '../protocol/primitives.ts';
import { BLOOM_BYTES, logsBloom, mergeBloom } from '../protocol/receipt.ts';
import { encodeRlp } from '../protocol/rlp.ts';
import { type Hex, toHex } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import { quantity } from '../util/quantity.ts';
import { formatTransaction } from './format-transaction.ts';
import { viewBlock } from './view-block.ts';

/** A block or header object of the OpenRPC document. */
export type RpcBlock = Readonly<Record<string, unknown>>;

/** A sealed block; `full` gives transaction objects instead of hashes. */
export function formatBlock(block: Block, full: boolean): RpcBlock {
  const { header, ommers, withdrawals } = viewBlock(block);
  return {
    ...formatHeaderView(header, block.hash),
    size: quantity(block.sizeBytes),
    transactions: formatTransactions(block.transactions, full),
    uncles: ommers.map((ommer) => toHex(hashOf(ommer))),
    ...(withdrawals !== undefined && { withdrawals: withdrawals.map(formatWithdrawal) }),
  };
}

/** An ommer: the header as a block object without transactions. */
export function formatOmmer(ommer: HeaderView): RpcBlock {
  const size = encodeRlp([headerViewItems(ommer), [], []]).length;
  return { ...formatHeaderView(ommer, hashOf(ommer)), size: quantity(size), uncles: [] };
}

function hashOf(header: HeaderView): Hash {
  return keccak256(encodeHeaderView(header));
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
  return {
    ...formatHeader(header, ZERO_HASH),
    hash: null,
    size: '0x0',
    transactions: formatTransactions(transactions, full),
    uncles: [],
    withdrawals: [],
  };
}

function formatTransactions(transactions: readonly IndexedTransaction[], full: boolean): readonly unknown[] {
  return full ? transactions.map(formatTransaction) : transactions.map(({ transaction }) => toHex(transaction.hash));
}

export function formatWithdrawal({ index, validatorIndex, address, amountGwei }: Withdrawal): Readonly<Record<string, Hex>> {
  return {
    index: quantity(index),
    validatorIndex: quantity(validatorIndex),
    address: toHex(address),
    amount: quantity(amountGwei),
  };
}
