import { keccak256 } from '../util/keccak.ts';
import type { Address } from './primitives.ts';
import { encodeRlp, fromNumber } from './rlp.ts';

/** Address of the contract that a transaction without recipient creates: keccak256(rlp([sender, nonce]))[12:]. */
export function createdContractAddress(sender: Address, nonce: bigint): Address {
  return keccak256(encodeRlp([sender, fromNumber(nonce)])).slice(12);
}
