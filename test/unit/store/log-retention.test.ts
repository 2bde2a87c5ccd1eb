import { expect, test } from 'vitest';
import { pruneBelow } from '../../../src/store/log-retention.ts';

const SEGMENTS = [1, 101, 201, 301].map((firstNumber) => ({ firstNumber, end: 1_000 }));
const NOTHING_NEEDED = { snapshot: 1_000, firstUnattested: 1_000, firstUnposted: 1_000 };

test.each([
  [{ ...NOTHING_NEEDED, snapshot: 150 }, 150],
  [{ ...NOTHING_NEEDED, firstUnattested: 120 }, 119],
  [{ ...NOTHING_NEEDED, firstUnposted: 90 }, 89],
  [{ ...NOTHING_NEEDED, firstUnposted: undefined }, 301],
  [{ ...NOTHING_NEEDED, snapshot: undefined }, 0],
  [{ ...NOTHING_NEEDED, firstUnattested: 0 }, 0],
])('what this node needs stays: %j', (needs, expected) => {
  expect(pruneBelow(needs, SEGMENTS, 0)).toBe(expected);
});

test.each([
  [1_000, 301],
  [1_001, 201],
  [2_000, 201],
  [3_999, 1],
  [4_000, 1],
  [4_001, 0],
])('of the rest the newest %i bytes stay in whole segments', (retainBytes, expected) => {
  expect(pruneBelow(NOTHING_NEEDED, SEGMENTS, retainBytes)).toBe(expected);
});

test('an empty log has nothing to prune', () => {
  expect(pruneBelow(NOTHING_NEEDED, [], 0)).toBe(0);
});
