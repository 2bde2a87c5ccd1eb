import type { BlockHeader } from '../protocol/block-header.ts';
import type { Block, IndexedTransaction, OpenBlock } from '../protocol/ports/chain.ts';
import { EMPTY_LIST_HASH, EMPTY_REQUESTS_HASH, EMPTY_TRIE_ROOT, type Hash, ZERO_HASH } from '../protocol/primitives.ts';
import { BLOOM_BYTES, logsBloom, mergeBloom } from '../protocol/receipt.ts';
import { toHex } from '../util/bytes.ts';
import { formatTransaction } from './format-transaction.ts';
import { quantity } from './quantity.ts';

/** A block or header object of the OpenRPC document. */
export type RpcBlock = Readonly<Record<string, unknown>>;

/** Fields that have one value in every block here: no ommers, withdrawals, blobs, requests or beacon roots. */
const CONSTANT_FIELDS: RpcBlock = {
  sha3Uncles: toHex(EMPTY_LIST_HASH),
  difficulty: '0x0',
  nonce: '0x0000000000000000',
  withdrawalsRoot: toHex(EMPTY_TRIE_ROOT),
  blobGasUsed: '0x0',
  excessBlobGas: '0x0',
  parentBeaconBlockRoot: toHex(ZERO_HASH),
  requestsHash: toHex(EMPTY_REQUESTS_HASH),
};

/** A sealed block; `full` gives transaction objects instead of hashes. */
export function formatBlock(block: Block, full: boolean): RpcBlock {
  return {
    ...formatHeader(block.header, block.hash),
    size: quantity(block.sizeBytes),
    ...body(block.transactions, full),
  };
}

/** The header alone, as newHeads pushes it. */
export function formatHeader(header: BlockHeader, hash: Hash): RpcBlock {
  return {
    number: quantity(header.number),
    hash: toHex(hash),
    parentHash: toHex(header.parentHash),
    timestamp: quantity(header.timestamp),
    miner: toHex(header.coinbase),
    stateRoot: toHex(header.stateRoot),
    transactionsRoot: toHex(header.transactionsRoot),
    receiptsRoot: toHex(header.receiptsRoot),
    logsBloom: toHex(header.logsBloom),
    gasLimit: quantity(header.gasLimit),
    gasUsed: quantity(header.gasUsed),
    baseFeePerGas: quantity(header.baseFeePerGas),
    extraData: toHex(header.extraData),
    mixHash: toHex(header.prevRandao),
    ...CONSTANT_FIELDS,
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
