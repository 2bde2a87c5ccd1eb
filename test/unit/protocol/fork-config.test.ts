import { expect, test } from 'vitest';
import { forkId, strobeForks } from '../../../src/protocol/fork-config.ts';
import { fromHex, toHex } from '../../../src/util/bytes.ts';

/** Genesis and forks of the mainnet, with the ids that EIP-2124 and 6122 give as examples. */
const MAINNET = fromHex('0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3');
const BLOCKS = [1_150_000, 1_920_000, 2_463_000, 2_675_000, 4_370_000, 7_280_000, 9_069_000, 9_200_000];
const LATER_BLOCKS = [12_244_000, 12_965_000, 13_773_000, 15_050_000];
const SHANGHAI = 1_681_338_455;

test.each<[string, number[], string]>([
  ['frontier', [], '0xfc64ec04'],
  ['homestead', BLOCKS.slice(0, 1), '0x97c2c34c'],
  ['the DAO fork', BLOCKS.slice(0, 2), '0x91d1f948'],
  ['petersburg', BLOCKS.slice(0, 6), '0x668db0af'],
  ['shanghai, by time', [...BLOCKS, ...LATER_BLOCKS, SHANGHAI], '0xdce96c2d'],
])('the fork id of %s is the published one', (_, activations, expected) => {
  expect(toHex(forkId(MAINNET, activations))).toBe(expected);
});

test('forks of genesis and forks at one height count as they are hashed: not, and once', () => {
  const twice = [0, 0, 1_150_000, 1_150_000];
  expect(forkId(MAINNET, twice)).toEqual(forkId(MAINNET, [1_150_000]));
});

test('a chain of Strobe is at its only fork from the first block on', () => {
  const { current, next, last } = strobeForks(MAINNET);
  expect(toHex(current.forkId)).toBe('0xfc64ec04');
  expect(current.activationTime).toBe(0);
  expect(current.blobSchedule.max).toBe(0);
  expect(Object.keys(current.precompiles)).toHaveLength(17);
  expect(next ?? last).toBeUndefined();
});
