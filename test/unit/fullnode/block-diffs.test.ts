import { beforeEach, expect, test } from 'vitest';
import { BlockDiffs } from '../../../src/fullnode/block-diffs.ts';
import type { NetDiff } from '../../../src/protocol/ports/state.ts';
import type { BlockSeal } from '../../../src/protocol/sequencer-messages.ts';
import type { Bytes } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { type BuiltBlock, ChainBuilder } from '../../support/chain-builder.ts';
import { defined } from '../../support/defined.ts';

const MEBIBYTE = 1024 * 1024;

/** A composition that the test brings to its end. */
interface Composition extends PromiseWithResolvers<NetDiff> {
  readonly from: number;
  readonly to: number;
}

let builder: ChainBuilder;
let compositions: Composition[];
let stored: Map<number, Bytes>;
let verified: Set<number>;
let wrong: { readonly seal: BlockSeal; readonly netDiff: Bytes }[];
let diffs: BlockDiffs;

beforeEach(() => {
  builder = new ChainBuilder();
  compositions = [];
  stored = new Map();
  verified = new Set();
  wrong = [];
  diffs = new BlockDiffs({
    netDiffs: {
      compose: (from, to) => {
        const composition = { ...Promise.withResolvers<NetDiff>(), from, to };
        compositions.push(composition);
        return composition.promise;
      },
    },
    chain: {
      blockDiff: async (number) => stored.get(number),
      blockStatus: async (blockNumber) => ({
        ...{
          blockNumber,
          blockHash: new Uint8Array(32),
          received: true,
          signatureVerified: true,
          attestedBy: [],
          daCommitment: undefined,
        },
        rootVerified: verified.has(blockNumber),
      }),
      putBlockDiff: async (number, diff) => {
        stored.set(number, diff);
      },
    },
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    onWrongDigest: (seal, netDiff) => wrong.push({ seal, netDiff }),
  });
});

const netDiff = (bytes: Bytes): NetDiff => ({ bytes, digest: keccak256(bytes) });
const finish = (index: number, block: BuiltBlock): void => defined(compositions[index]).resolve(netDiff(block.diffBytes));

test('a diff with the digest of the seal can be had once it is composed, until it is released', async () => {
  const block = builder.block(3, 2);
  await diffs.add(block.seal);
  expect(compositions[0]).toMatchObject({ from: block.seal.firstNumber - 1, to: block.seal.lastNumber });
  const found = diffs.get(1);
  finish(0, block);
  expect(await found).toEqual(block.diffBytes);
  diffs.release(1);
  expect(await diffs.get(1)).toBeUndefined();
  expect([wrong, stored.size]).toEqual([[], 0]);
});

test('a diff with another digest is told of, and not to be had', async () => {
  const [block, other] = [builder.block(3, 2), builder.block(1, 1)];
  await diffs.add(block.seal);
  finish(0, other);
  expect(await diffs.get(1)).toBeUndefined();
  expect(wrong).toEqual([{ seal: block.seal, netDiff: other.diffBytes }]);
});

test('two are composed at a time; the next block waits for one of them', async () => {
  const blocks = [builder.block(1, 1), builder.block(1, 1), builder.block(1, 1)];
  const added = blocks.map(({ seal }) => diffs.add(seal));
  await Promise.all(added.slice(0, 2));
  expect(compositions).toHaveLength(2);
  finish(1, defined(blocks[1]));
  await added[2];
  expect(compositions).toHaveLength(3);
});

test('what comes of an undone block counts for nothing', async () => {
  const [undone, block] = [builder.block(3, 2), new ChainBuilder().block(1, 4)];
  await diffs.add(undone.seal);
  diffs.releaseAbove(0);
  await diffs.add(block.seal);
  finish(1, block);
  expect(await diffs.get(1)).toEqual(block.diffBytes);
  finish(0, block);
  expect(await diffs.get(1)).toEqual(block.diffBytes);
  expect(wrong).toEqual([]);
});

test('old values that are gone leave a block without a diff, and nothing fails', async () => {
  const block = builder.block(1, 1);
  await diffs.add(block.seal);
  defined(compositions[0]).reject(new StrobeError('STATE_FORGOTTEN', 'gone'));
  expect(await diffs.get(1)).toBeUndefined();
  expect(wrong).toEqual([]);
});

test('diffs beyond what memory is for go to the store', async () => {
  const large = new Uint8Array(40 * MEBIBYTE);
  const seals = [builder.block(1, 1), builder.block(1, 1)].map(({ seal }) => ({ ...seal, stateDiffDigest: keccak256(large) }));
  for (const seal of seals) await diffs.add(seal);
  for (const composition of compositions) composition.resolve(netDiff(large));
  expect((await diffs.get(1))?.length).toBe(large.length);
  expect((await diffs.get(2))?.length).toBe(large.length);
  expect([...stored.keys()]).toEqual([2]);
  diffs.release(1);
  await diffs.add(defined(seals[0]));
  defined(compositions[2]).resolve(netDiff(large));
  expect((await diffs.get(1))?.length).toBe(large.length);
  expect([...stored.keys()]).toEqual([2]);
});

test('of an earlier process only those are composed that are neither proven nor stored', async () => {
  const blocks = [builder.block(1, 1), builder.block(1, 1), builder.block(1, 1)];
  verified.add(1);
  stored.set(2, defined(blocks[1]).diffBytes);
  for (const { seal } of blocks) await diffs.restore(seal);
  expect(compositions.map(({ to }) => to)).toEqual([defined(blocks[2]).seal.lastNumber]);
  expect(await diffs.get(2)).toEqual(defined(blocks[1]).diffBytes);
});
