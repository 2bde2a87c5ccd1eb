import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { IndexedRange } from '../../../../src/store/log-index/indexed-range.ts';
import type { IndexedBlocks } from '../../../../src/store/log-index/log-index-database.ts';
import { LogIndexFollower } from '../../../../src/store/log-index/log-index-follower.ts';
import { type LogIndexBuilder, LogIndexThread } from '../../../../src/store/log-index/log-index-host.ts';
import { LogIndexer } from '../../../../src/store/log-index/log-indexer.ts';
import { ChainBuilder } from '../../../support/chain-builder.ts';
import { addBlocks } from '../../../support/chain-store-kit.ts';
import { type IndexedStore, interrupted, openIndexedStore } from '../../../support/indexed-store.ts';
import { testAccount, testLog } from '../../../support/test-accounts.ts';
import { waitFor } from '../../../support/wait-for.ts';

const LOGGER = testAccount('logger').address;
const SEARCH = { fromBlock: 1, toBlock: 100, addresses: [LOGGER], topics: [] };

let abort = new AbortController();
let following: Promise<void> | undefined;
afterEach(async () => {
  abort.abort();
  await following;
  abort = new AbortController();
});

/** Blocks with one log each, in the first of their two mini-blocks. */
function blocksWithLogs(builder: ChainBuilder, count: number): void {
  for (let n = 0; n < count; n++) {
    builder.miniBlock([{ ...builder.transfer(n), logs: [testLog(LOGGER, n)] }]);
    builder.miniBlock([builder.transfer(n)]);
    builder.seal();
  }
}

function follow({ store, range }: IndexedStore, builder: LogIndexBuilder): void {
  following = new LogIndexFollower({ builder, chain: store, range }).run(abort.signal);
}

const isIndexed = (range: IndexedRange, last: number) =>
  waitFor(() => range.read().last === last, { what: `block ${last} is indexed` });
const blocksFound = async ({ store }: IndexedStore): Promise<number[]> =>
  (await store.logs(SEARCH)).map(({ transaction }) => transaction.blockNumber);

test('the thread indexes what is stored already and what comes, and stops between blocks', async () => {
  const builder = new ChainBuilder();
  blocksWithLogs(builder, 4);
  const node = await openIndexedStore(builder);
  const { directory, store, range } = node;
  await addBlocks(store, builder.blocks.slice(0, 2));
  const thread = new LogIndexThread({
    directory: join(directory, 'log-index'),
    chainDirectory: join(directory, 'chain'),
    genesisHash: builder.genesisHash,
  });
  follow(node, thread);
  await isIndexed(range, 2);
  await addBlocks(store, builder.blocks.slice(2));
  await isIndexed(range, 4);
  expect(await blocksFound(node)).toEqual([1, 2, 3, 4]);
  abort.abort();
  await following;
  await thread.stop();
});

test('many blocks in one go end with the block in work when the thread is to stop', async () => {
  const builder = new ChainBuilder();
  blocksWithLogs(builder, 4);
  const { directory, store, chain, index } = await openIndexedStore(builder);
  await addBlocks(store, builder.blocks);
  let blocks = 0;
  const indexer = new LogIndexer(builder.genesisHash, { chain, index, isStopping: () => ++blocks > 2 });
  expect(await indexer.add({ first: 1, last: 0 }, 4)).toEqual({ first: 1, last: 2 });
  const thread = new LogIndexThread({
    directory: join(directory, 'log-index'),
    chainDirectory: join(directory, 'chain'),
    genesisHash: builder.genesisHash,
  });
  expect(await thread.add({ first: 1, last: 2 }, 3)).toEqual({ first: 1, last: 3 });
  thread.interrupt();
  expect(await thread.add({ first: 1, last: 3 }, 4)).toEqual({ first: 1, last: 3 });
  await thread.stop();
});

test('a start goes on from the safe block, since the blocks above it may be others now', async () => {
  const builder = new ChainBuilder();
  blocksWithLogs(builder, 4);
  const node = await openIndexedStore(builder);
  await addBlocks(node.store, builder.blocks);
  await node.store.markSafe(2);
  await node.indexer.add({ first: 1, last: 0 }, 4);
  const asked: IndexedBlocks[] = [];
  const builderFrom: LogIndexBuilder = {
    begin: () => node.indexer.begin(),
    clear: () => node.indexer.clear(),
    dropBelow: (first) => node.indexer.dropBelow(first),
    add: (indexed, to) => {
      asked.push(indexed);
      return node.indexer.add(indexed, to);
    },
  };
  follow(node, builderFrom);
  await isIndexed(node.range, 4);
  expect(asked[0]).toEqual({ first: 1, last: 2 });
});

test('blocks that are undone, also while they are being read, are indexed again', async () => {
  const builder = new ChainBuilder();
  blocksWithLogs(builder, 4);
  const node = await openIndexedStore(builder);
  const { store, indexer, range } = node;
  await addBlocks(store, builder.blocks);
  const targets: number[] = [];
  const undoing: LogIndexBuilder = {
    begin: () => indexer.begin(),
    clear: () => indexer.clear(),
    dropBelow: (first) => indexer.dropBelow(first),
    add: async (indexed, to) => {
      const result = await indexer.add(indexed, to);
      targets.push(indexed.last);
      if (targets.length === 1) {
        // Undone after they were read and before anyone knows that they are indexed.
        await store.rollback(4);
        expect(range.read().last).toBe(0);
        await addBlocks(store, builder.blocks.slice(2));
      }
      return result;
    },
  };
  follow(node, undoing);
  await isIndexed(range, 4);
  expect(targets).toEqual([0, 2]);
  expect(await blocksFound(node)).toEqual([1, 2, 3, 4]);
  await store.rollback(6);
  expect(range.read()).toEqual({ first: 1, last: 3 });
  expect(await blocksFound(node)).toEqual([1, 2, 3]);
});

test('a block that is undone between its record and its contents ends nobody', async () => {
  const builder = new ChainBuilder();
  blocksWithLogs(builder, 3);
  const node = await openIndexedStore(builder);
  const { store, chain, index, range } = node;
  await addBlocks(store, builder.blocks);
  const indexer = new LogIndexer(builder.genesisHash, { chain: interrupted(chain, 5, () => store.rollback(4)), index });
  follow(node, indexer);
  await isIndexed(range, 2);
  expect(store.head().header.number).toBe(2);
  await addBlocks(store, builder.blocks.slice(2));
  await isIndexed(range, 3);
  expect(await blocksFound(node)).toEqual([1, 2, 3]);
});

test('an index of another chain, or of another format, is thrown away', async () => {
  const builder = new ChainBuilder();
  blocksWithLogs(builder, 2);
  const node = await openIndexedStore(builder);
  await addBlocks(node.store, builder.blocks);
  await node.indexer.add({ first: 1, last: 0 }, 2);
  expect(await node.indexer.begin()).toEqual({ first: 1, last: 2 });
  expect(await node.index.indexed(new Uint8Array(32))).toBeUndefined();
});

test('what was pruned is left, and an index that ends below it begins anew', async () => {
  const builder = new ChainBuilder();
  blocksWithLogs(builder, 6);
  const node = await openIndexedStore(builder);
  await addBlocks(node.store, builder.blocks);
  await node.store.markSafe(6);
  await node.indexer.add({ first: 1, last: 0 }, 2);
  let oldest = 5;
  const chain = {
    head: () => node.store.head(),
    safeNumber: () => node.store.safeNumber(),
    subscribe: node.store.subscribe.bind(node.store),
    oldestBlock: async () => oldest,
  };
  following = new LogIndexFollower({ builder: node.indexer, chain, range: node.range }).run(abort.signal);
  await isIndexed(node.range, 6);
  expect(node.range.read()).toEqual({ first: 5, last: 6 });
  oldest = 6;
  blocksWithLogs(builder, 1);
  await addBlocks(node.store, builder.blocks.slice(6));
  await isIndexed(node.range, 7);
  expect(node.range.read().first).toBe(6);
});
