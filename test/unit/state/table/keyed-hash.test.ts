import { expect, test } from 'vitest';
import { keyedHash } from '../../../../src/state/table/keyed-hash.ts';

const COUNT = 4_096;

/** Of keys that differ in a few bits only, how many share one of 4,096 places. */
function fullestPlace(key0: number, key1: number, wordOf: (i: number) => number): number {
  const places = new Uint16Array(COUNT);
  for (let i = 0; i < COUNT; i++) {
    const place = keyedHash(Int32Array.of(0, wordOf(i), 0), 0, 3, key0, key1) & (COUNT - 1);
    places[place] = (places[place] as number) + 1;
  }
  return Math.max(...places);
}

test.each([
  { what: 'ascending words', wordOf: (i: number) => i },
  { what: 'words whose low bits are equal', wordOf: (i: number) => i << 20 },
  { what: 'words of one bit pair', wordOf: (i: number) => (1 << (i % 32)) ^ (i << 5) },
])('$what are spread as random ones are', ({ wordOf }) => {
  // 4,096 balls in as many bins: more than 10 in one has a probability below 1e-4.
  expect(fullestPlace(0x1234_5678, -77, wordOf)).toBeLessThan(11);
});

test('another secret gives other places, and each word counts', () => {
  const words = Int32Array.of(1, 2, 3);
  const hash = keyedHash(words, 0, 3, 5, 6);
  expect(keyedHash(words, 0, 3, 5, 6)).toBe(hash);
  const others = [keyedHash(words, 0, 3, 6, 6), keyedHash(words, 0, 3, 5, 7), keyedHash(words, 0, 2, 5, 6)];
  for (let i = 0; i < 3; i++) others.push(keyedHash(words.with(i, 9), 0, 3, 5, 6));
  expect(new Set([hash, ...others]).size).toBe(7);
});
