import type { BlockHeader } from '../protocol/block-header.ts';
import { MAX_WITNESS_CHUNKS, WITNESS_CHUNK_BYTES } from '../protocol/limits.ts';
import type { IndexedTransaction } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { BLOOM_BYTES, encodeReceipt, logsBloom, mergeBloom } from '../protocol/receipt.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import type { MiniBlockHead, OpenBlockState } from '../state/chain-trail.ts';
import { indexTrieRoot } from '../state/index-trie.ts';
import { bytesEqual } from '../util/bytes.ts';
import { sequencerFault } from './sequencer-fault.ts';

/** Ethereum's bound on extraData, bytes (Yellow Paper, section 4.3). */
const MAX_EXTRA_DATA_BYTES = 32;
export const MAX_WITNESS_BYTES = MAX_WITNESS_CHUNKS * WITNESS_CHUNK_BYTES;

type ReceivedTransaction = Pick<IndexedTransaction, 'transaction' | 'receipt'>;

/** The block that a seal has to describe, as it was put together here. */
export interface SealedContents {
  readonly head: MiniBlockHead;
  readonly open: OpenBlockState | undefined;
  readonly transactions: readonly IndexedTransaction[];
  readonly registryDigest: Hash;
}

/**
 * Recomputes everything of a seal that needs no execution and no trie of the state (PROTOCOL section 5), but for the
 * digest of the net diff, which takes longer (block-diffs.ts).
 * @throws StrobeError SEQUENCER_FAULT naming the field
 */
export function checkSeal(seal: BlockSeal, contents: SealedContents): void {
  const wrong = wrongRange(seal, contents) ?? wrongHeaderField(seal.header, contents) ?? wrongDigest(seal, contents);
  if (wrong === undefined) return;
  const blockNumber = seal.header.number;
  throw sequencerFault('WRONG_SEAL', wrongSealMessage(blockNumber, wrong), { blockNumber, field: wrong });
}

export function wrongSealMessage(blockNumber: number, field: string): string {
  return `seal of block ${blockNumber}: ${field} is not that of its mini-blocks`;
}

function wrongRange(seal: BlockSeal, { open, head }: SealedContents): string | undefined {
  if (open === undefined || seal.header.number !== open.env.number) return 'number';
  if (seal.firstNumber !== open.firstNumber) return 'firstNumber';
  if (seal.lastNumber !== head.number) return 'lastNumber';
  return bytesEqual(seal.lastDigest, head.digest) ? undefined : 'lastDigest';
}

/** What a header has to say of the mini-blocks of its block, without the state root; undefined when it does. */
export function wrongHeaderField(
  header: BlockHeader,
  {
    open,
    transactions,
  }: { open: Pick<OpenBlockState, 'env' | 'gasUsed'> | undefined; transactions: readonly ReceivedTransaction[] },
): string | undefined {
  if (open === undefined) return 'number';
  const { env } = open;
  if (!bytesEqual(header.parentHash, env.parentHash)) return 'parentHash';
  if (!bytesEqual(header.coinbase, env.coinbase)) return 'coinbase';
  if (!bytesEqual(header.prevRandao, env.prevRandao)) return 'prevRandao';
  if (header.timestamp !== env.timestamp) return 'timestamp';
  if (header.gasLimit !== env.gasLimit) return 'gasLimit';
  if (header.baseFeePerGas !== env.baseFeePerGas) return 'baseFeePerGas';
  if (header.extraData.length > MAX_EXTRA_DATA_BYTES) return 'extraData';
  if (header.gasUsed !== open.gasUsed) return 'gasUsed';
  if (!bytesEqual(header.logsBloom, bloomOf(transactions))) return 'logsBloom';
  if (!bytesEqual(header.transactionsRoot, indexTrieRoot(transactions.map(({ transaction }) => transaction.raw))))
    return 'transactionsRoot';
  if (!bytesEqual(header.receiptsRoot, indexTrieRoot(transactions.map(({ receipt }) => encodeReceipt(receipt)))))
    return 'receiptsRoot';
  return undefined;
}

function bloomOf(transactions: readonly ReceivedTransaction[]): Uint8Array {
  const bloom = new Uint8Array(BLOOM_BYTES);
  for (const { receipt } of transactions) if (receipt.logs.length > 0) mergeBloom(bloom, logsBloom(receipt.logs));
  return bloom;
}

function wrongDigest(seal: BlockSeal, { registryDigest }: SealedContents): string | undefined {
  if (!bytesEqual(seal.registryDigest, registryDigest)) return 'registryDigest';
  return seal.witnessBytes > MAX_WITNESS_BYTES ? 'witnessBytes' : undefined;
}
