import { describe, expect, test } from 'vitest';
import { encodeRlp, fromNumber } from '../../../src/protocol/rlp.ts';
import { indexTrie, indexTrieKey } from '../../../src/state/index-trie.ts';
import { EMPTY_TRIE_ROOT, Trie } from '../../../src/state/trie.ts';
import { type Bytes, fromHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { provenValue } from '../../../src/verified/merkle-proof.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';

const key = (index: number): Bytes => keccak256(Uint8Array.of(index));
const trie = Trie.empty(32);
for (let i = 0; i < 100; i++) trie.put(key(i), new Uint8Array(33).fill(i + 1));
const root = trie.root();

/** Codes that say that a proof proves nothing. */
const REFUSALS = ['INVALID_PROOF', 'INVALID_RLP'];

describe('a proof', () => {
  test('shows what is there and what is not', () => {
    for (let i = 0; i < 200; i++) expect(provenValue(root, key(i), trie.prove(key(i)))).toEqual(trie.get(key(i)));
    expect(provenValue(EMPTY_TRIE_ROOT, key(1), [])).toBeUndefined();
  });

  test('of index tries, with keys of several lengths and nodes inside nodes', () => {
    for (const count of [1, 2, 127, 128, 129, 300]) {
      const values = Array.from({ length: count }, (_, i) => encodeRlp(fromNumber(i + 1)));
      const items = indexTrie(values);
      for (let i = 0; i < count + 2; i++) {
        expect(provenValue(items.root(), indexTrieKey(i), items.prove(indexTrieKey(i)))).toEqual(values[i]);
      }
    }
  });

  test('of keys that end in branches', () => {
    const nested = Trie.empty();
    for (const text of ['0x10', '0x1000', '0x1001', '0x100100', '0x20']) nested.put(fromHex(text), fromHex(text));
    for (const text of ['0x10', '0x1000', '0x1001', '0x100100', '0x20', '0x1002', '0x11', '0x']) {
      const wanted = fromHex(text);
      expect(provenValue(nested.root(), wanted, nested.prove(wanted))).toEqual(nested.get(wanted));
    }
  });

  test('with a node too few, too many, out of order, or of another key or root, is refused', () => {
    const proof = trie.prove(key(3));
    for (const bad of [proof.slice(0, -1), [], [...proof, proof.at(-1) as Bytes], proof.toReversed(), trie.prove(key(4))]) {
      expect(strobeCodeOf(() => provenValue(root, key(3), bad))).toBe('INVALID_PROOF');
    }
    expect(strobeCodeOf(() => provenValue(EMPTY_TRIE_ROOT, key(3), proof))).toBe('INVALID_PROOF');
    expect(strobeCodeOf(() => provenValue(key(1), key(3), proof))).toBe('INVALID_PROOF');
  });

  test('with any one bit changed is refused', () => {
    const proof = trie.prove(key(3));
    for (const [at, node] of proof.entries()) {
      for (let byte = 0; byte < node.length; byte++) {
        const altered = node.slice();
        altered[byte] = (altered[byte] as number) ^ (1 << (byte % 8));
        expect(REFUSALS).toContain(strobeCodeOf(() => provenValue(root, key(3), proof.with(at, altered))));
      }
    }
  });

  test('of a malformed node under its own hash is refused', () => {
    const bytes = (hex: string): Bytes => fromHex(hex as `0x${string}`);
    const malformed: Bytes[][] = [
      [encodeRlp([])],
      [encodeRlp([Uint8Array.of(0x20)])],
      [encodeRlp([Uint8Array.of(0x00), bytes('0x01'), bytes('0x02')])],
      // A path with an unknown flag, with padding that is not zero, and an extension without a path.
      [encodeRlp([Uint8Array.of(0x40), bytes('0x01')])],
      [encodeRlp([Uint8Array.of(0x21), bytes('0x01')])],
      [encodeRlp([Uint8Array.of(0x00), key(1)])],
      [encodeRlp([new Uint8Array(0), bytes('0x01')])],
      // A branch whose children are neither hashes nor nodes.
      [encodeRlp(Array.from({ length: 17 }, () => Uint8Array.of(1, 2, 3)))],
      [bytes('0xb801')],
    ];
    for (const nodes of malformed) {
      expect(REFUSALS).toContain(strobeCodeOf(() => provenValue(keccak256(nodes[0] as Bytes), key(1), nodes)));
    }
  });
});
