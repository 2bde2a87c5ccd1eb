import { type BlockHeader, hashHeader } from '../../../src/protocol/block-header.ts';
import { EMPTY_TRIE_ROOT, type Hash, ZERO_HASH } from '../../../src/protocol/primitives.ts';
import { BLOOM_BYTES } from '../../../src/protocol/receipt.ts';
import { EMPTY_BYTES } from '../../../src/util/bytes.ts';

/** The block whose state a load begins with: as nothing precedes it, its snapshot needs no seal. Nobody asks for its root. */
export const GENESIS: BlockHeader = {
  parentHash: ZERO_HASH,
  coinbase: new Uint8Array(20),
  stateRoot: ZERO_HASH,
  transactionsRoot: EMPTY_TRIE_ROOT,
  receiptsRoot: EMPTY_TRIE_ROOT,
  logsBloom: new Uint8Array(BLOOM_BYTES),
  number: 0,
  gasLimit: 1n,
  gasUsed: 0n,
  timestamp: 0,
  extraData: EMPTY_BYTES,
  prevRandao: ZERO_HASH,
  baseFeePerGas: 1n,
};

export const GENESIS_HASH: Hash = hashHeader(GENESIS);
export const CHAIN_ID = 1;
