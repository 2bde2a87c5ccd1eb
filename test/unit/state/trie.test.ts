import { describe, expect, test } from 'vitest';
import { EMPTY_TRIE_ROOT, MAX_TRIE_KEY_BYTES, Trie } from '../../../src/state/trie.ts';
import { type Bytes, EMPTY_BYTES, fromHex, toHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';

const bytes = (...values: number[]): Bytes => Uint8Array.from(values);
const text = (value: string): Bytes => new TextEncoder().encode(value);
const key = (index: number): Bytes => keccak256(bytes(index >> 8, index & 0xff));
/** Long enough that no node embeds. */
const value = (index: number): Bytes => new Uint8Array(40).fill(index % 255 || 1);

function filled(count: number): Trie {
  const trie = Trie.empty();
  for (let i = 0; i < count; i++) trie.put(key(i), value(i));
  return trie;
}

describe('contents', () => {
  test('an empty trie has the well-known root and no keys', () => {
    const trie = Trie.empty();
    expect(toHex(trie.root())).toBe('0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421');
    expect(trie.get(key(1))).toBeUndefined();
    expect(Trie.fromRoot(EMPTY_TRIE_ROOT, () => undefined).get(key(1))).toBeUndefined();
  });

  test('deleting all keys in another order returns through the same roots to the empty one', () => {
    const trie = filled(200);
    for (let i = 0; i < 200; i += 2) trie.delete(key(i));
    const odd = Trie.empty();
    for (let i = 199; i > 0; i -= 2) odd.put(key(i), value(i));
    expect(trie.root()).toEqual(odd.root());
    for (let i = 1; i < 200; i += 2) trie.delete(key(i));
    expect(trie.root()).toEqual(EMPTY_TRIE_ROOT);
  });

  test('keys that are prefixes of one another live in branch values and collapse out of them', () => {
    const trie = Trie.empty();
    const before = Trie.empty();
    before.put(text('dogglesworth'), text('cat'));
    for (const word of ['', 'd', 'do', 'dog', 'dogglesworth']) trie.put(text(word), text(word || 'root'));
    for (const word of ['d', 'do', 'dog']) expect(trie.get(text(word))).toEqual(text(word));
    expect(trie.get(text('dogg'))).toBeUndefined();
    trie.put(text('dogglesworth'), text('cat'));
    for (const word of ['do', '', 'dog', 'd']) trie.delete(text(word));
    expect(trie.root()).toEqual(before.root());
    trie.put(text('dog'), text('puppy'));
    trie.delete(text('dogglesworth'));
    expect(trie.get(text('dog'))).toEqual(text('puppy'));
    expect(trie.prove(text('dog'))).toHaveLength(1);
  });

  test('an empty value deletes', () => {
    const trie = filled(3);
    trie.put(key(2), EMPTY_BYTES);
    expect(trie.root()).toEqual(filled(2).root());
  });

  test('writing the same value or deleting an absent key leaves the root', () => {
    const trie = filled(50);
    const root = trie.root();
    trie.put(key(7), value(7));
    trie.delete(key(1000));
    trie.delete(text('short'));
    expect(trie.root()).toEqual(root);
  });

  test('values of every RLP length class survive encoding and loading', () => {
    const trie = Trie.empty();
    const values = [bytes(1), bytes(0x7f), bytes(0x80), ...[55, 56, 255, 256, 65_536].map((n) => new Uint8Array(n).fill(9))];
    for (const [i, item] of values.entries()) trie.put(bytes(i * 16), item);
    const nodes = new Map<string, Bytes>();
    for (let i = 0; i < values.length; i++) for (const node of trie.prove(bytes(i * 16))) nodes.set(toHex(keccak256(node)), node);
    const loaded = Trie.fromRoot(trie.root(), (hash) => nodes.get(toHex(hash)));
    for (const [i, item] of values.entries()) expect(loaded.get(bytes(i * 16))).toEqual(item);
  });

  test('key lengths are bounded, or fixed when the trie says so', () => {
    const longest = new Uint8Array(MAX_TRIE_KEY_BYTES).fill(0x11);
    const trie = Trie.empty();
    for (let i = 0; i < MAX_TRIE_KEY_BYTES; i++) trie.put(longest.subarray(0, i + 1), bytes(7));
    expect(trie.get(longest)).toEqual(bytes(7));
    expect(trie.root()).toHaveLength(32);
    expect(strobeCodeOf(() => trie.put(new Uint8Array(MAX_TRIE_KEY_BYTES + 1), bytes(1)))).toBe('INVALID_TRIE_KEY');
    expect(strobeCodeOf(() => Trie.empty(32).get(bytes(1)))).toBe('INVALID_TRIE_KEY');
    expect(strobeCodeOf(() => Trie.fromRoot(bytes(1), () => undefined))).toBe('INVALID_TRIE_ROOT');
  });
});

describe('snapshots', () => {
  test('neither handle sees what the other writes later, hashed before or not', () => {
    for (const hashFirst of [true, false]) {
      const trie = filled(100);
      if (hashFirst) trie.root();
      const old = trie.snapshot();
      trie.put(key(3), value(77));
      trie.delete(key(4));
      trie.put(key(500), value(5));
      old.put(key(9), value(88));
      expect(old.get(key(3))).toEqual(value(3));
      expect(old.get(key(4))).toEqual(value(4));
      expect(old.get(key(500))).toBeUndefined();
      expect(trie.get(key(9))).toEqual(value(9));
      old.put(key(9), value(9));
      expect(old.root()).toEqual(filled(100).root());
    }
  });
});

describe('missing nodes', () => {
  const full = filled(300);
  const root = full.root();

  test('an unknown root or inner node throws, also for keys that are absent', () => {
    const trie = Trie.fromRoot(root, () => undefined);
    for (const index of [5, 5000]) {
      expect(strobeCodeOf(() => trie.get(key(index)))).toBe('MISSING_TRIE_NODE');
      expect(strobeCodeOf(() => trie.delete(key(index)))).toBe('MISSING_TRIE_NODE');
      expect(strobeCodeOf(() => trie.put(key(index), value(1)))).toBe('MISSING_TRIE_NODE');
      expect(strobeCodeOf(() => trie.prove(key(index)))).toBe('MISSING_TRIE_NODE');
    }
    expect(trie.root()).toEqual(root);
  });

  test('a deletion that needs an unknown sibling throws and changes nothing', () => {
    const pair = Trie.empty();
    pair.put(fromHex('0x10'), value(1));
    pair.put(fromHex('0x20'), value(2));
    const nodes = pair.prove(fromHex('0x10'));
    const byHash = new Map(nodes.map((node) => [toHex(keccak256(node)), node]));
    const partial = Trie.fromRoot(pair.root(), (hash) => byHash.get(toHex(hash)));
    partial.put(fromHex('0x10'), value(3));
    const before = partial.root();
    expect(strobeCodeOf(() => partial.delete(fromHex('0x10')))).toBe('MISSING_TRIE_NODE');
    expect(partial.get(fromHex('0x10'))).toEqual(value(3));
    expect(partial.root()).toEqual(before);
    partial.put(fromHex('0x10'), value(1));
    expect(partial.root()).toEqual(pair.root());
  });
});
