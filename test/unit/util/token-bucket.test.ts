import { expect, test } from 'vitest';
import { TokenBucket } from '../../../src/util/token-bucket.ts';

test('a bucket gives its burst at once and then its rate', () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 5 }, 1_000);
  expect(bucket.take(5, 1_000)).toBe(true);
  expect(bucket.take(1, 1_099)).toBe(false);
  expect(bucket.take(1, 1_100)).toBe(true);
  expect(bucket.take(6, 100_000)).toBe(false);
  expect(bucket.take(5, 100_000)).toBe(true);
});

test('what was spent beyond it is a debt that time pays', () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 5 }, 0);
  expect(bucket.hasSome(0)).toBe(true);
  bucket.spend(25, 0);
  expect(bucket.hasSome(1_999)).toBe(false);
  expect(bucket.take(1, 1_999)).toBe(false);
  expect(bucket.hasSome(2_001)).toBe(true);
});

test('it says how long tokens are missing', () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 5 }, 0);
  expect(bucket.missingForMs(5, 0)).toBe(0);
  bucket.spend(10, 0);
  expect(bucket.missingForMs(1, 0)).toBe(600);
  expect(bucket.missingForMs(1, 599)).toBe(1);
  expect(bucket.missingForMs(1, 600)).toBe(0);
});
