import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ALL_BLOCKS,
  firstUncovered,
  isSharePossible,
  MAX_SHARES,
  parseShare,
  takesBlock,
} from '../../../src/prover-stub/prover-share.ts';
import { runs } from '../../support/property-runs.ts';

test.each([
  ['all', ALL_BLOCKS],
  ['0/2', { index: 0, of: 2 }],
  ['15/16', { index: 15, of: 16 }],
])('%s is a share', (text, share) => {
  expect(parseShare(text)).toEqual(share);
});

test.each(['', '2/2', '1/0', '-1/2', '0/17', '0/2 ', 'half'])('%j is none', (text) => {
  expect(parseShare(text)).toBeUndefined();
});

test('each block is in exactly one of the shares that the blocks are cut into', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: MAX_SHARES }), fc.nat(), (of, blockNumber) => {
      const shares = Array.from({ length: of }, (_, index) => ({ index, of }));
      expect(shares.filter((share) => takesBlock(share, blockNumber))).toHaveLength(1);
    }),
    runs(100),
  );
});

test('a pool is judged by the blocks that too few of it take', () => {
  const shares = (...texts: string[]) => texts.map((text) => parseShare(text) ?? ALL_BLOCKS);
  expect(firstUncovered(shares('all', 'all', '0/2'), 2)).toBeUndefined();
  expect(firstUncovered(shares('all', '0/2', '1/2'), 2)).toBeUndefined();
  expect(firstUncovered(shares('all', '0/2', '0/2'), 2)).toBe(1);
  expect(firstUncovered(shares('0/3', '1/3', '2/3'), 1)).toBeUndefined();
  expect(firstUncovered(shares('0/3', '1/3'), 1)).toBe(2);
  // Only every twelfth block is short of one.
  expect(firstUncovered(shares('0/2', '1/2', '1/3', '2/3'), 1)).toBeUndefined();
  expect(firstUncovered(shares('all', '1/3', '2/3', '1/4'), 2)).toBe(3);
});

test('a share is refused where every prover is needed for every block', () => {
  const share = { index: 0, of: 2 };
  expect(isSharePossible(share, { provers: [1, 2, 3], threshold: 2 })).toBe(true);
  expect(isSharePossible(share, { provers: [1, 2, 3], threshold: 3 })).toBe(false);
  expect(isSharePossible(ALL_BLOCKS, { provers: [1], threshold: 1 })).toBe(true);
});
