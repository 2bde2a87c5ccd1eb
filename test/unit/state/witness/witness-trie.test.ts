import { describe, expect, test } from 'vitest';
import { encodeAccountLeaf } from '../../../../src/protocol/account-leaf.ts';
import { EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, type Hash } from '../../../../src/protocol/primitives.ts';
import { encodeRlp } from '../../../../src/protocol/rlp.ts';
import type { AccountDiff, StateDiff } from '../../../../src/protocol/state-diff.ts';
import { StateTrie } from '../../../../src/state/state-trie.ts';
import { witnessResolver } from '../../../../src/state/trie-witness.ts';
import { rootAfter } from '../../../../src/state/witness/witness-trie.ts';
import { type Bytes, bigIntToBytes32, concatBytes } from '../../../../src/util/bytes.ts';
import { keccak256 } from '../../../../src/util/keccak.ts';
import { strobeCodeOf } from '../../../support/strobe-code.ts';

const PAGE_BYTES = 65_536;
const ACCOUNT = encodeAccountLeaf({ nonce: 1n, balance: 2n, storageRoot: EMPTY_TRIE_ROOT, codeHash: EMPTY_CODE_HASH });

/** @param root left out: the first node is the top one */
function rootBy(nodes: readonly Bytes[], diff: StateDiff, root: Hash = keccak256(nodes[0] as Bytes), maxBytes?: number): Hash {
  const bytes = concatBytes(...nodes);
  let at = 0;
  const views = nodes.map((node) => {
    at += node.length;
    return bytes.subarray(at - node.length, at);
  });
  return rootAfter({ bytes, nodes: views }, root, diff, maxBytes);
}

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
    const model = StateTrie.empty();
    model.apply(diff);
    expect(rootBy([], diff, EMPTY_TRIE_ROOT)).toEqual(model.root());
    expect(rootBy([], diffOf(), keccak256(ACCOUNT))).toEqual(keccak256(ACCOUNT));
    expect(strobeCodeOf(() => rootBy([], diff, keccak256(ACCOUNT)))).toBe('MISSING_TRIE_NODE');
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
    expect(strobeCodeOf(() => rootBy(nodes, diff, root, 16 * PAGE_BYTES))).toBe('WITNESS_TOO_LARGE');
    expect(strobeCodeOf(() => rootBy(nodes, diff, root, 512 * PAGE_BYTES))).toBe('no error');
    const long = new Uint8Array(2 * PAGE_BYTES);
    expect(strobeCodeOf(() => rootBy([long, ...nodes], diff, root, PAGE_BYTES))).toBe('WITNESS_TOO_LARGE');
    // Nodes that take more by being many than by their bytes.
    const many = Array.from({ length: 20_000 }, (_, i) => Uint8Array.of(i, i >> 8));
    expect(strobeCodeOf(() => rootBy(many, diffOf(), root, 12 * PAGE_BYTES))).toBe('WITNESS_TOO_LARGE');
  });
});
