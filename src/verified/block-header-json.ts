import { type BlockHeader, hashHeader } from '../protocol/block-header.ts';
import { formatHeader } from '../protocol/header-json.ts';
import { EMPTY_TRIE_ROOT, type Hash } from '../protocol/primitives.ts';
import { BLOOM_BYTES } from '../protocol/receipt.ts';
import { bytesEqual } from '../util/bytes.ts';
import { asCount, asData, asObject, asQuantity, type JsonObject } from './json-fields.ts';

/** A header with its hash, which was computed here. */
export interface HashedHeader {
  readonly header: BlockHeader;
  readonly hash: Hash;
}

/** The header in a block object of the node. @throws StrobeError VERIFICATION_FAILED */
export function readHeader(answer: unknown): HashedHeader {
  const block = asObject(answer, 'block');
  const hash = (field: string): Hash => asData(block[field], field, 32);
  const header: BlockHeader = {
    parentHash: hash('parentHash'),
    coinbase: asData(block['miner'], 'miner', 20),
    stateRoot: hash('stateRoot'),
    transactionsRoot: hash('transactionsRoot'),
    receiptsRoot: hash('receiptsRoot'),
    logsBloom: asData(block['logsBloom'], 'logsBloom', BLOOM_BYTES),
    number: asCount(block['number'], 'number'),
    gasLimit: asQuantity(block['gasLimit'], 'gasLimit'),
    gasUsed: asQuantity(block['gasUsed'], 'gasUsed'),
    timestamp: asCount(block['timestamp'], 'timestamp'),
    extraData: asData(block['extraData'], 'extraData'),
    prevRandao: hash('mixHash'),
    baseFeePerGas: asQuantity(block['baseFeePerGas'], 'baseFeePerGas'),
  };
  // The other fields are the same in every block here: a header that has others has another hash.
  return { header, hash: hashHeader(header) };
}

/**
 * A block object of what its header proves. The transactions' hashes are not: the list is left out unless it is empty.
 */
export function formatProvenBlock({ header, hash }: HashedHeader): JsonObject {
  return {
    ...formatHeader(header, hash),
    uncles: [],
    withdrawals: [],
    ...(bytesEqual(header.transactionsRoot, EMPTY_TRIE_ROOT) && { transactions: [] }),
  };
}
