import { expect, test } from 'vitest';
import { type Bytes, fromText, toKey } from '../../../src/util/bytes.ts';
import { hashInput } from '../../../src/util/hashes-module.ts';
import { xxHash64 } from '../../../src/util/xxhash64.ts';

const BYTES: Bytes = Uint8Array.from({ length: 1_000 }, (_, i) => Math.imul(i, 2_654_435_761) >>> 24);

function hashOf(data: Bytes): string {
  return toKey(xxHash64([data]));
}

test('published digests', () => {
  expect(hashOf(fromText(''))).toBe('ef46db3751d8e999');
  expect(hashOf(fromText('a'))).toBe('d24ec4f1a98c6e5b');
  expect(hashOf(fromText('abc'))).toBe('44bc2cf5ad770999');
  expect(hashOf(fromText('Nobody inspects the spammish repetition'))).toBe('fbcea83c8a378bf1');
});

test('every length up to 200 bytes, and long ones, hash as hash-wasm 4.13 says', () => {
  const digests = Array.from({ length: 201 }, (_, length) => hashOf(BYTES.subarray(0, length)));
  expect(hashOf(fromText(digests.join('')))).toBe('f5701c48f02865b1');
  expect(hashOf(BYTES)).toBe('8420addb9882cc1b');
  expect(hashOf(Uint8Array.from({ length: 50_000 }, (_, i) => BYTES[i % BYTES.length] as number))).toBe('51e271642cdcca93');
});

test('it does not matter how a message is cut', () => {
  const long = Uint8Array.from({ length: 3 * hashInput.length }, (_, i) => BYTES[i % 997] as number);
  for (const cut of [0, 1, 33, hashInput.length - 1, hashInput.length, hashInput.length + 1, long.length]) {
    expect(toKey(xxHash64([long.subarray(0, cut), long.subarray(cut)])), `cut at ${cut}`).toBe(hashOf(long));
  }
});
