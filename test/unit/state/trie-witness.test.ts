import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import { describe, expect, test } from 'vitest';
import { EMPTY_TRIE_ROOT, Trie } from '../../../src/state/trie.ts';
import { collectWitnessNodes, witnessResolver } from '../../../src/state/trie-witness.ts';
import { type Bytes, fromHex, toKey } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';

/** Long enough that every node has its own hash. */
const value = (seed: number): Bytes => new Uint8Array(40).fill(seed);

function trieOf(...keys: string[]): Trie {
  const trie = Trie.empty();
  for (const [i, key] of keys.entries()) trie.put(fromHex(key), value(i + 1));
  return trie;
}

/** Witness sizes in nodes, the root included. */
function size(trie: Trie, read: string[], deleted: string[]): number {
  return collectWitnessNodes(trie, read.map(fromHex), deleted.map(fromHex)).length;
}

describe('collectWitnessNodes', () => {
  test('an empty trie and no keys need nothing', () => {
    expect(collectWitnessNodes(Trie.empty(), [fromHex('0x10')], [])).toEqual([]);
    expect(size(trieOf('0x10', '0x20'), [], [])).toBe(0);
  });

  test('a short root is a node too', () => {
    const trie = Trie.empty();
    trie.put(fromHex('0x10'), Uint8Array.of(1));
    const nodes = collectWitnessNodes(trie, [fromHex('0x10')], []);
    expect(Trie.fromRoot(trie.root(), witnessResolver(nodes)).get(fromHex('0x10'))).toEqual(Uint8Array.of(1));
  });

  test('reading takes the path, deleting takes siblings only where a branch may collapse', () => {
    const two = trieOf('0x10', '0x20');
    expect(size(two, ['0x10'], [])).toBe(2);
    expect(size(two, [], ['0x10'])).toBe(3);
    const three = trieOf('0x10', '0x20', '0x30');
    expect(size(three, [], ['0x10'])).toBe(2);
    expect(size(three, [], ['0x10', '0x20'])).toBe(4);
  });

  test('a branch value counts as an entry until its own key is deleted', () => {
    const trie = trieOf('0x10', '0x1020', '0x1030');
    // Extension, branch with the value, two leaves.
    expect(size(trie, [], ['0x1020'])).toBe(3);
    expect(size(trie, [], ['0x10', '0x1020'])).toBe(4);
  });

  test('a key deleted again after it split an extension needs the child of the extension', () => {
    const trie = trieOf('0x1010', '0x1020');
    const absent = fromHex('0x1110');
    const nodes = collectWitnessNodes(trie, [], [absent]);
    const partial = Trie.fromRoot(trie.root(), witnessResolver(nodes));
    partial.put(absent, value(9));
    expect(partial.root()).not.toEqual(trie.root());
    partial.delete(absent);
    expect(partial.root()).toEqual(trie.root());
  });

  test('a partial trie that lacks a needed node cannot make a witness', () => {
    const trie = trieOf('0x10', '0x20');
    const partial = Trie.fromRoot(trie.root(), witnessResolver(collectWitnessNodes(trie, [fromHex('0x10')], [])));
    expect(strobeCodeOf(() => collectWitnessNodes(partial, [], [fromHex('0x10')]))).toBe('MISSING_TRIE_NODE');
  });
});

describe('hashed keys', () => {
  const keys = Array.from({ length: 600 }, (_, i) => keccak256(Uint8Array.of(i >> 8, i & 0xff)));

  test('a batch on the witness of a larger trie gives the root of the reference', async () => {
    const full = Trie.empty(32);
    const reference = new MerklePatriciaTrie();
    for (const [i, key] of keys.slice(0, 500).entries()) {
      full.put(key, value(i % 250));
      await reference.put(key, value(i % 250));
    }
    const root = full.root();
    expect(root).toEqual(reference.root());

    const deleted = keys.slice(0, 120);
    const written = keys.slice(450);
    const nodes = collectWitnessNodes(full, written, deleted);
    const partial = Trie.fromRoot(root, witnessResolver(nodes), 32);
    for (const key of deleted) {
      partial.delete(key);
      await reference.del(key);
    }
    for (const key of written) {
      partial.put(key, value(255));
      await reference.put(key, value(255));
    }
    expect(partial.root()).toEqual(reference.root());
    expect(full.root()).toEqual(root);
  });

  test('nodes of a trie with shorter keys do not pass for one with 32-byte keys', () => {
    const short = trieOf('0x10', '0x20');
    const nodes = collectWitnessNodes(short, [fromHex('0x10'), fromHex('0x20')], []);
    const trie = Trie.fromRoot(short.root(), witnessResolver(nodes), 32);
    const key = new Uint8Array(32).fill(0x10);
    expect(strobeCodeOf(() => trie.get(key))).toBe('MALFORMED_TRIE_NODE');
  });

  test('deleting everything through a witness ends in the empty root', () => {
    const full = Trie.empty(32);
    for (const key of keys) full.put(key, value(1));
    const nodes = collectWitnessNodes(full, [], keys);
    expect(new Set(nodes.map(toKey)).size).toBe(nodes.length);
    const partial = Trie.fromRoot(full.root(), witnessResolver(nodes), 32);
    for (const key of keys.toReversed()) partial.delete(key);
    expect(partial.root()).toEqual(EMPTY_TRIE_ROOT);
  });
});
