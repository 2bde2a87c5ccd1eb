import { describe, expect, test } from 'vitest';
import { EMPTY_TRIE_ROOT, Trie } from '../../../src/state/trie.ts';
import { verifyProof } from '../../../src/state/trie-proof.ts';
import { type Bytes, fromHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';

const key = (index: number): Bytes => keccak256(Uint8Array.of(index));
const trie = Trie.empty(32);
for (let i = 0; i < 100; i++) trie.put(key(i), new Uint8Array(33).fill(i + 1));
const root = trie.root();

describe('verifyProof', () => {
  test('proves presence and absence', () => {
    for (let i = 0; i < 150; i++) expect(verifyProof(root, key(i), trie.prove(key(i)))).toEqual(trie.get(key(i)));
    expect(verifyProof(EMPTY_TRIE_ROOT, key(1), [])).toBeUndefined();
  });

  test('a proof holds no embedded node twice', () => {
    const small = Trie.empty();
    small.put(fromHex('0x1000'), Uint8Array.of(1));
    small.put(fromHex('0x1001'), Uint8Array.of(2));
    expect(small.prove(fromHex('0x1001'))).toHaveLength(1);
    expect(verifyProof(small.root(), fromHex('0x1001'), small.prove(fromHex('0x1001')))).toEqual(Uint8Array.of(2));
  });

  test('a node too few, too many, out of order or altered is an invalid proof', () => {
    const proof = trie.prove(key(3));
    const altered = proof.map((node) => node.slice());
    (altered.at(-1) as Bytes)[40] = 0xee;
    for (const bad of [proof.slice(0, -1), [], [...proof, proof.at(-1) as Bytes], proof.toReversed(), altered]) {
      expect(strobeCodeOf(() => verifyProof(root, key(3), bad))).toBe('INVALID_TRIE_PROOF');
    }
    expect(strobeCodeOf(() => verifyProof(EMPTY_TRIE_ROOT, key(3), proof))).toBe('INVALID_TRIE_PROOF');
  });

  test('a proof of another key or root never proves', () => {
    expect(strobeCodeOf(() => verifyProof(key(1), key(3), trie.prove(key(3))))).toBe('INVALID_TRIE_PROOF');
    expect(strobeCodeOf(() => verifyProof(root, key(4), trie.prove(key(3))))).toBe('INVALID_TRIE_PROOF');
  });
});
