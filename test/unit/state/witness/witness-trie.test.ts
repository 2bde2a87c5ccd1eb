import { describe, expect, test } from 'vitest';
import { encodeAccountLeaf } from '../../../../src/protocol/account-leaf.ts';
import { EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, type Hash } from '../../../../src/protocol/primitives.ts';
import { encodeRlp } from '../../../../src/protocol/rlp.ts';
import type { AccountDiff, StateDiff } from '../../../../src/protocol/state-diff.ts';
import { StateTrie } from '../../../../src/state/state-trie.ts';
import { witnessResolver } from '../../../../src/state/trie-witness.ts';
import { WitnessTrie } from '../../../../src/state/witness/witness-trie.ts';
import { type Bytes, bigIntToBytes32, concatBytes } from '../../../../src/util/bytes.ts';
import { keccak256 } from '../../../../src/util/keccak.ts';
import { strobeCodeOf } from '../../../support/strobe-code.ts';

const ACCOUNT = encodeAccountLeaf({ nonce: 1n, balance: 2n, storageRoot: EMPTY_TRIE_ROOT, codeHash: EMPTY_CODE_HASH });

function open(nodes: readonly Bytes[], root: Hash, maxBytes?: number): WitnessTrie {
  const bytes = concatBytes(...nodes);
  let at = 0;
  const views = nodes.map((node) => {
    at += node.length;
    return bytes.subarray(at - node.length, at);
  });
  return new WitnessTrie({ bytes, nodes: views }, root, maxBytes);
}

const rootBy = (nodes: readonly Bytes[], diff: StateDiff): Hash => {
  const trie = open(nodes, keccak256(nodes[0] as Bytes));
  trie.apply(diff);
  return trie.root();
};

const diffOf = (...accounts: AccountDiff[]): StateDiff => ({ accounts, codes: [] });
const balanceOf = (index: number): AccountDiff => ({ address: bigIntToBytes32(BigInt(index)).subarray(12), balance: 3n });

/** 65 nodes in which every key there is leads to the same leaf, with a branch for each of its nibbles. */
function everyKey(): Bytes[] {
  const nodes = [encodeRlp([Uint8Array.of(0x20), ACCOUNT])];
  for (let depth = 63; depth >= 0; depth--) {
    const child = keccak256(nodes[0] as Bytes);
    nodes.unshift(encodeRlp([...Array.from({ length: 16 }, () => child), new Uint8Array()]));
  }
  return nodes;
}

describe('the trie of a witness', () => {
  test('without nodes begins with the empty state only', () => {
    const diff = diffOf(balanceOf(1));
    const empty = open([], EMPTY_TRIE_ROOT);
    empty.apply(diff);
    const model = StateTrie.empty();
    model.apply(diff);
    expect(empty.root()).toEqual(model.root());
    const unknown = open([], keccak256(ACCOUNT));
    expect(unknown.root()).toEqual(keccak256(ACCOUNT));
    expect(strobeCodeOf(() => open([], keccak256(ACCOUNT)).apply(diff))).toBe('MISSING_TRIE_NODE');
  });

  test('follows keys through all of their nibbles', () => {
    const nodes = everyKey();
    const diff = diffOf(balanceOf(1), balanceOf(2), { address: new Uint8Array(20).fill(9), deleted: true });
    const model = StateTrie.fromRoot(keccak256(nodes[0] as Bytes), witnessResolver(nodes));
    model.apply(diff);
    expect(rootBy(nodes, diff)).toEqual(model.root());
  });

  test('refuses lists in lists without end, and nodes that are too deep', () => {
    let nested: Bytes = Uint8Array.of(0xc0);
    while (nested.length < 31) nested = concatBytes(Uint8Array.of(0xc0 + nested.length), nested);
    const branch = (child: Bytes): Bytes => {
      const payload = concatBytes(child, child, new Uint8Array(15).fill(0x80));
      return concatBytes(
        payload.length > 55 ? Uint8Array.of(0xf8, payload.length) : Uint8Array.of(0xc0 + payload.length),
        payload,
      );
    };
    const diff = diffOf(balanceOf(1));
    expect(strobeCodeOf(() => rootBy([branch(nested)], diff))).toBe('MALFORMED_TRIE_NODE');
    const below = everyKey();
    const above = encodeRlp([...Array.from({ length: 16 }, () => keccak256(below[0] as Bytes)), new Uint8Array()]);
    expect(strobeCodeOf(() => rootBy([above, ...below], diff))).toBe('MALFORMED_TRIE_NODE');
  });

  test('ends at its bound of memory, as the witness comes and as it unfolds', () => {
    const nodes = everyKey();
    const root = keccak256(nodes[0] as Bytes);
    const diff = diffOf(...Array.from({ length: 2_000 }, (_, i) => balanceOf(i)));
    expect(strobeCodeOf(() => open(nodes, root, 16 * 65_536).apply(diff))).toBe('WITNESS_TOO_LARGE');
    expect(strobeCodeOf(() => open(nodes, root, 512 * 65_536).apply(diff))).toBe('no error');
    expect(strobeCodeOf(() => open([new Uint8Array(2 * 65_536), ...nodes], root, 65_536))).toBe('WITNESS_TOO_LARGE');
    // Nodes that take more by being many than by their bytes.
    const many = Array.from({ length: 20_000 }, (_, i) => Uint8Array.of(i, i >> 8));
    expect(strobeCodeOf(() => open(many, root, 12 * 65_536))).toBe('WITNESS_TOO_LARGE');
  });

  test('has no root after an error', () => {
    const trie = open([], keccak256(ACCOUNT));
    expect(strobeCodeOf(() => trie.apply(diffOf(balanceOf(1))))).toBe('MISSING_TRIE_NODE');
    expect(strobeCodeOf(() => trie.root())).toBe('MISSING_TRIE_NODE');
  });
});
