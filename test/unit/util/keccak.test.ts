import { keccak256 as viemKeccak256 } from 'viem';
import { expect, test } from 'vitest';
import { type Bytes, fromText, toHex } from '../../../src/util/bytes.ts';
import { hashInput } from '../../../src/util/hashes-module.ts';
import { keccak256 } from '../../../src/util/keccak.ts';

/** Bytes whose every part differs from every other. */
function message(length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => Math.imul(i + length, 0x9e3779b1) >>> 24);
}

function isSameAsViem(data: Bytes): boolean {
  return toHex(keccak256(data)) === viemKeccak256(data);
}

test('published digests', () => {
  // Keccak team, ShortMsgKAT_256.txt (round 3): Len = 0 and 8; the empty trie of the Yellow Paper; an ERC-20 topic.
  const published = [
    [new Uint8Array(0), '0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470'],
    [Uint8Array.of(0xcc), '0xeead6dbfc7340a56caedc044696a168870549a6a7f6f56961e84a54bd9970b8a'],
    [Uint8Array.of(0x80), '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421'],
    [fromText('Transfer(address,address,uint256)'), '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'],
  ] as const;
  for (const [data, digest] of published) expect(toHex(keccak256(data))).toBe(digest);
});

test('every length up to a thousand bytes hashes as another implementation says', () => {
  for (let length = 0; length <= 1_000; length++) expect(isSameAsViem(message(length)), `${length} bytes`).toBe(true);
});

test('messages that pass through the module in several fills hash the same', () => {
  const fill = hashInput.length;
  const lengths = [fill - 137, fill - 136, fill - 1, fill, fill + 1, fill + 136, 2 * fill - 1, 2 * fill, 5 * fill + 77];
  for (const length of lengths) expect(isSameAsViem(message(length)), `${length} bytes`).toBe(true);
});

test('a view is hashed, not the memory around it, and shared memory too', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(300));
  shared.set(message(300));
  expect(toHex(keccak256(shared.subarray(7, 207)))).toBe(viemKeccak256(message(300).subarray(7, 207)));
});

test('a digest is the caller’s own', () => {
  const first = keccak256(message(1));
  const kept = toHex(first);
  first.fill(0);
  expect(toHex(keccak256(message(1)))).toBe(kept);
  const second = keccak256(message(1));
  keccak256(message(2));
  expect(toHex(second)).toBe(kept);
  expect(second.buffer.byteLength).toBe(32);
});
