import type { Bytes } from '../util/bytes.ts';
import type { ProvenAccount } from './ports/proofs.ts';
import { asBigInt, asBytes, asList, decodeRlp, encodeRlp, fromNumber } from './rlp.ts';

/** What the state trie has of an account (Yellow Paper, section 4.1). */
export function encodeAccountLeaf(leaf: ProvenAccount): Bytes {
  return encodeRlp([fromNumber(leaf.nonce), fromNumber(leaf.balance), leaf.storageRoot, leaf.codeHash]);
}

/** @throws StrobeError INVALID_RLP */
export function decodeAccountLeaf(bytes: Bytes): ProvenAccount {
  const fields = asList(decodeRlp(bytes), 'account', 4);
  return {
    nonce: asBigInt(fields[0], 'nonce', 8),
    balance: asBigInt(fields[1], 'balance'),
    storageRoot: asBytes(fields[2], 'storageRoot', 32),
    codeHash: asBytes(fields[3], 'codeHash', 32),
  };
}
