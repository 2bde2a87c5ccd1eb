import { toHex } from '../util/bytes.ts';
import { quantity } from '../util/quantity.ts';
import type { BlockHeader } from './block-header.ts';
import { EMPTY_LIST_HASH, EMPTY_REQUESTS_HASH, EMPTY_TRIE_ROOT, type Hash, ZERO_HASH } from './primitives.ts';

/** Header fields of a block object (OpenRPC document of the execution API). */
export type HeaderJson = Readonly<Record<string, unknown>>;

/** Fields that have one value in every block here: no ommers, withdrawals, blobs, requests or beacon roots. */
const CONSTANT_FIELDS: HeaderJson = {
  sha3Uncles: toHex(EMPTY_LIST_HASH),
  difficulty: '0x0',
  nonce: '0x0000000000000000',
  withdrawalsRoot: toHex(EMPTY_TRIE_ROOT),
  blobGasUsed: '0x0',
  excessBlobGas: '0x0',
  parentBeaconBlockRoot: toHex(ZERO_HASH),
  requestsHash: toHex(EMPTY_REQUESTS_HASH),
};

/** The header alone, as newHeads pushes it. */
export function formatHeader(header: BlockHeader, hash: Hash): HeaderJson {
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
