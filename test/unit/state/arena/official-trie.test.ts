import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EMPTY_TRIE_ROOT } from '../../../../src/protocol/primitives.ts';
import { asBigInt, asBytes, asList, decodeRlp } from '../../../../src/protocol/rlp.ts';
import { ArenaStateTrie } from '../../../../src/state/arena/arena-state-trie.ts';
import { verifyProof } from '../../../../src/state/trie-proof.ts';
import { type Bytes, bytesEqual, EMPTY_BYTES, fromHex, toHex, toKey } from '../../../../src/util/bytes.ts';
import { keccak256 } from '../../../../src/util/keccak.ts';
import { unpackFixture } from '../../../support/fixtures.ts';
import { RawStorageTrie } from './raw-storage-trie.ts';

/** `in` lists writes in order (null deletes), or maps keys to values in any order. */
interface TrieCase {
  in: [string, string | null][] | Record<string, string | null>;
  root: string;
}

interface Write {
  key: Bytes;
  value: Bytes;
}

/** The arena's keys are hashes: the cases with plain keys are not for it. */
const FILES = ['trietest_secureTrie.json', 'trieanyorder_secureTrie.json'];
const ACCOUNTS_FILE = 'hex_encoded_securetrie_test.json';
/** Longest value of a storage leaf; state values have 33. */
const MAX_VALUE_BYTES = 35;

const folder = unpackFixture('ethereum-tests-transactions-rlp-trie.tar.zst');

describe.skipIf(folder === undefined)('official trie tests', () => {
  if (folder === undefined) return;
  for (const file of FILES) {
    const cases = Object.entries(read(folder, file)).filter(([, { in: input }]) => writesOf(input).every(fits));
    test('there are cases', () => expect(cases.length).toBeGreaterThan(2));
    test.each(cases)(`${file} %s`, (_, { in: input, root }) => {
      const writes = writesOf(input);
      for (const order of Array.isArray(input) ? [writes] : [writes, writes.toReversed()]) {
        const trie = new RawStorageTrie();
        const last = new Map<string, Write>();
        for (const write of order) {
          trie.put(write.key, write.value);
          last.set(toKey(write.key), write);
        }
        expect(toHex(trie.root())).toBe(root);
        for (const { key, value } of last.values()) {
          expect(verifyProof(fromHex(root), key, trie.prove(key)) ?? EMPTY_BYTES).toEqual(value);
        }
      }
    });
  }

  const accountCases = Object.entries(read(folder, ACCOUNTS_FILE)).filter(([, { in: input }]) =>
    Object.values(input).every((value) => bytesEqual(leafOf(value as string).storageRoot, EMPTY_TRIE_ROOT)),
  );
  test('there are cases of accounts', () => expect(accountCases.length).toBeGreaterThan(0));
  test.each(accountCases)(`${ACCOUNTS_FILE} %s`, (_, { in: input, root }) => {
    const entries = Object.entries(input as Record<string, string>);
    for (const order of [entries, entries.toReversed()]) {
      const trie = new ArenaStateTrie();
      for (const [address, value] of order) {
        const { nonce, balance, codeHash } = leafOf(value);
        trie.apply({ accounts: [{ address: fromHex(address), nonce, balance, codeHash }], codes: [] });
      }
      expect(toHex(trie.root())).toBe(root);
      for (const [address, value] of order) {
        expect(verifyProof(fromHex(root), keccak256(fromHex(address)), trie.proveAccount(fromHex(address)))).toEqual(
          fromHex(value),
        );
      }
    }
  });
});

function read(folder: string, file: string): Record<string, TrieCase> {
  return JSON.parse(readFileSync(join(folder, 'TrieTests', file), 'utf8')) as Record<string, TrieCase>;
}

function writesOf(input: TrieCase['in']): Write[] {
  return (Array.isArray(input) ? input : Object.entries(input)).map(([key, value]) => ({
    key: keccak256(parse(key)),
    value: value === null ? EMPTY_BYTES : parse(value),
  }));
}

function fits({ value }: Write): boolean {
  return value.length <= MAX_VALUE_BYTES;
}

/** Fixture strings are hex when they start with 0x, text otherwise. */
function parse(text: string): Bytes {
  return text.startsWith('0x') ? fromHex(text) : new TextEncoder().encode(text);
}

function leafOf(rlp: string) {
  const fields = asList(decodeRlp(fromHex(rlp)), 'account', 4);
  return {
    nonce: asBigInt(fields[0], 'nonce'),
    balance: asBigInt(fields[1], 'balance'),
    storageRoot: asBytes(fields[2], 'storageRoot', 32),
    codeHash: asBytes(fields[3], 'codeHash', 32),
  };
}
