import { type BlockHeader, hashHeader } from '../protocol/block-header.ts';
import { EMPTY_LIST_HASH, EMPTY_REQUESTS_HASH, EMPTY_TRIE_ROOT, type Hash, ZERO_HASH } from '../protocol/primitives.ts';
import { BLOOM_BYTES } from '../protocol/receipt.ts';
import { bytesEqual, toHex } from '../util/bytes.ts';
import { asCount, asData, asObject, asQuantity, type JsonObject, quantity } from './json-fields.ts';

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
export function formatHeader({ header, hash }: HashedHeader): JsonObject {
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
    sha3Uncles: toHex(EMPTY_LIST_HASH),
    difficulty: '0x0',
    nonce: '0x0000000000000000',
    withdrawalsRoot: toHex(EMPTY_TRIE_ROOT),
    blobGasUsed: '0x0',
    excessBlobGas: '0x0',
    parentBeaconBlockRoot: toHex(ZERO_HASH),
    requestsHash: toHex(EMPTY_REQUESTS_HASH),
    uncles: [],
    withdrawals: [],
    ...(bytesEqual(header.transactionsRoot, EMPTY_TRIE_ROOT) && { transactions: [] }),
  };
}
