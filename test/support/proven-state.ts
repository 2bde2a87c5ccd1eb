import { verifyMerkleProof } from '@ethereumjs/mpt';
import { expect } from 'vitest';
import type { StateProof } from '../../src/protocol/ports/proofs.ts';
import type { StateReader } from '../../src/protocol/ports/state.ts';
import type { Address, Hash } from '../../src/protocol/primitives.ts';
import { encodeRlp, fromNumber } from '../../src/protocol/rlp.ts';
import { type Bytes, isZeroBytes, trimLeadingZeros } from '../../src/util/bytes.ts';

/** Proven value of a key by `@ethereumjs/mpt`; null: proven absent. */
export async function provenBy(root: Hash, key: Bytes, nodes: readonly Bytes[]): Promise<Bytes | null> {
  // An empty trie has no nodes, which the library takes for no proof.
  if (nodes.length === 0) return null;
  return verifyMerkleProof(key, [...nodes], { root, useKeyHashing: true });
}

/** A proof shows exactly what `state` has, and leads to `stateRoot`, in the eyes of `@ethereumjs/mpt`. */
export async function expectProven(stateRoot: Hash, address: Address, proof: StateProof, state: StateReader): Promise<void> {
  const expected = state.getAccount(address);
  expect(proof.account === undefined).toBe(expected === undefined);
  const leaf = await provenBy(stateRoot, address, proof.accountProof);
  if (proof.account === undefined || expected === undefined) {
    expect(leaf).toBeNull();
    return;
  }
  const { nonce, balance, storageRoot, codeHash } = proof.account;
  expect({ nonce, balance, codeHash }).toEqual(expected);
  expect(leaf).toEqual(encodeRlp([fromNumber(nonce), fromNumber(balance), storageRoot, codeHash]));
  for (const { key, value, proof: nodes } of proof.slots) {
    expect(value).toEqual(state.getStorage(address, key));
    const stored = await provenBy(storageRoot, key, nodes);
    expect(stored).toEqual(isZeroBytes(value) ? null : encodeRlp(trimLeadingZeros(value)));
  }
}
