import { type Bytes, fromHex, fromKey } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';

/** 20 bytes. */
export type Address = Bytes;
/** 32 bytes. */
export type Hash = Bytes;

export const ZERO_HASH: Hash = new Uint8Array(32);
export const ZERO_ADDRESS: Address = new Uint8Array(20);

/** keccak256(''): the code hash of an account without code. */
export const EMPTY_CODE_HASH: Hash = keccak256(new Uint8Array(0));
/** keccak256(rlp('')): the root of an empty trie. */
export const EMPTY_TRIE_ROOT: Hash = keccak256(Uint8Array.of(0x80));
/** keccak256(rlp([])): the ommers hash of every block here. */
export const EMPTY_LIST_HASH: Hash = keccak256(Uint8Array.of(0xc0));
/** sha256(''): requestsHash of a block without EIP-7685 requests (they are off here, PROTOCOL section 1). */
export const EMPTY_REQUESTS_HASH: Hash = fromKey('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

export const HISTORY_CONTRACT: Address = fromHex('0x0000f90827f1c53a10cb7a02335b175320002935');
export const BEACON_ROOTS_CONTRACT: Address = fromHex('0x000f3df6d732807ef1319fb7b8bb8522d0beac02');

/** An account of the flat state; storage lives apart, code by its hash. */
export interface Account {
  readonly nonce: bigint;
  readonly balance: bigint;
  readonly codeHash: Hash;
}
