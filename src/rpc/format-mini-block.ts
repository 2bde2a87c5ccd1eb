import type { AppliedMiniBlock } from '../protocol/ports/chain.ts';
import { toHex } from '../util/bytes.ts';
import { quantity } from '../util/quantity.ts';
import { formatReceipt } from './format-receipt.ts';
import { formatTransaction } from './format-transaction.ts';

/** What `miniBlocks` subscribers get: plain numbers, timestamps of the block in seconds and of the mini-block in µs. */
export function formatMiniBlockPush(applied: AppliedMiniBlock): Readonly<Record<string, unknown>> {
  return {
    ...formatPosition(applied),
    transactions: applied.transactions.map(formatTransaction),
    receipts: applied.transactions.map(formatReceipt),
  };
}

/** The same with transaction hashes and without receipts: a thirtieth of the bytes and of the work. */
export function formatMiniBlockHashes(applied: AppliedMiniBlock): Readonly<Record<string, unknown>> {
  return { ...formatPosition(applied), transactions: applied.transactions.map(({ transaction }) => toHex(transaction.hash)) };
}

function formatPosition({ miniBlock: { envelope }, env, gasUsed }: AppliedMiniBlock): Readonly<Record<string, unknown>> {
  return {
    block_number: envelope.blockNumber,
    block_timestamp: env.timestamp,
    index: envelope.index,
    mini_block_number: envelope.number,
    mini_block_timestamp: envelope.timestampUs,
    gas_used: Number(gasUsed),
  };
}

/** The signed envelope with the hashes of its transactions: all that is needed to check the sequencer's signature. */
export function formatMiniBlock(applied: AppliedMiniBlock): Readonly<Record<string, unknown>> {
  const { envelope, digest } = applied.miniBlock;
  return {
    version: quantity(envelope.version),
    genesisHash: toHex(envelope.genesisHash),
    chainId: quantity(envelope.chainId),
    epoch: quantity(envelope.epoch),
    number: quantity(envelope.number),
    digest: toHex(digest),
    parentDigest: toHex(envelope.parentDigest),
    blockNumber: quantity(envelope.blockNumber),
    index: quantity(envelope.index),
    timestampUs: quantity(envelope.timestampUs),
    blockTimestamp: quantity(applied.env.timestamp),
    transactionsDigest: toHex(envelope.transactionsDigest),
    receiptsDigest: toHex(envelope.receiptsDigest),
    stateDiffDigest: toHex(envelope.stateDiffDigest),
    diffPayloadDigest: toHex(envelope.diffPayloadDigest),
    bodyPayloadDigest: toHex(envelope.bodyPayloadDigest),
    signature: toHex(envelope.signature),
    gasUsed: quantity(applied.gasUsed),
    transactions: applied.transactions.map(({ transaction }) => toHex(transaction.hash)),
  };
}
