import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Trie } from '../../src/state/trie.ts';
import { verifyProof } from '../../src/state/trie-proof.ts';
import { type Bytes, EMPTY_BYTES, fromHex, toHex } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { unpackFixture } from '../support/fixtures.ts';

/** `in` lists writes in order (null deletes), or maps keys to values in any order. */
interface TrieCase {
  in: [string, string | null][] | Record<string, string | null>;
  root: string;
}

const files = [
  { name: 'trietest.json', secure: false },
  { name: 'trieanyorder.json', secure: false },
  { name: 'trietest_secureTrie.json', secure: true },
  { name: 'trieanyorder_secureTrie.json', secure: true },
  { name: 'hex_encoded_securetrie_test.json', secure: true },
];

const folder = unpackFixture('ethereum-tests-transactions-rlp-trie.tar.zst');

describe.skipIf(folder === undefined)('official trie tests', () => {
  if (folder === undefined) return;
  for (const { name, secure } of files) {
    const cases = JSON.parse(readFileSync(join(folder, 'TrieTests', name), 'utf8')) as Record<string, TrieCase>;
    test.each(Object.entries(cases))(`${name} %s`, (_, { in: input, root }) => {
      const ordered = Array.isArray(input);
      const writes = (ordered ? input : Object.entries(input)).map(([key, value]) => ({
        key: secure ? keccak256(parse(key)) : parse(key),
        value: value === null ? EMPTY_BYTES : parse(value),
      }));
      for (const order of ordered ? [writes] : [writes, writes.toReversed(), rotate(writes)]) {
        const trie = Trie.empty();
        for (const { key, value } of order) trie.put(key, value);
        expect(toHex(trie.root())).toBe(root);
        for (const { key } of order) {
          expect(verifyProof(fromHex(root), key, trie.prove(key))).toEqual(trie.get(key));
        }
      }
    });
  }
});

/** Fixture strings are hex when they start with 0x, text otherwise. */
function parse(text: string): Bytes {
  return text.startsWith('0x') ? fromHex(text) : new TextEncoder().encode(text);
}

function rotate<Item>(items: readonly Item[]): Item[] {
  const middle = items.length >> 1;
  return [...items.slice(middle), ...items.slice(0, middle)];
}
