import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { ChainEvent } from '../../../src/protocol/ports/chain.ts';
import type { ChainFollower } from '../../../src/store/chain-follower.ts';
import type { ChainStore } from '../../../src/store/chain-store.ts';
import { openChainFollower } from '../../../src/store/open-chain-follower.ts';
import { toHex } from '../../../src/util/bytes.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { addBlocks, appendAll, CapturedErrors, openTestStore } from '../../support/chain-store-kit.ts';
import { defined } from '../../support/defined.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

let builder: ChainBuilder;
let store: ChainStore;
let follower: ChainFollower;
let directory: string;

const log = { read: async function* () {} };

async function follow(): Promise<ChainFollower> {
  const { genesis, genesisHeader } = builder;
  const early: (() => void)[] = [];
  const late: { follower?: ChainFollower } = {};
  const { begin, stop } = store.follow((change) => {
    // Through the form in which it travels between threads.
    const told = structuredClone(change);
    if (late.follower === undefined) early.push(() => late.follower?.apply(told));
    else late.follower.apply(told);
  });
  const options = { directory, chainId: genesis.chainId, genesisHeader, recentTransactions: 20 };
  late.follower = await openChainFollower(options, { log, logger: new CapturedErrors() }, structuredClone(begin));
  for (const apply of early) apply();
  const opened = late.follower;
  onTestFinished(async () => {
    stop();
    await opened.close();
  });
  return opened;
}

beforeEach(async () => {
  builder = new ChainBuilder();
  directory = tempDirectory();
  store = await openTestStore(builder, { directory, recentTransactions: 20 });
  onTestFinished(() => store.close());
});

/** Everything that both say of a block, its transactions and the open block. */
async function describeChain(chain: ChainStore | ChainFollower, blocks: number): Promise<unknown> {
  const numbers = Array.from({ length: blocks + 1 }, (_, number) => number);
  return {
    head: toHex(chain.head().hash),
    marks: [chain.safeNumber(), chain.finalizedNumber(), chain.miniBlockNumber(), await chain.oldestBlock()],
    blocks: await Promise.all(numbers.map((number) => chain.blockByNumber(number))),
    seals: await Promise.all(numbers.map(async (number) => (await chain.sealOf(number))?.lastNumber)),
    statuses: await Promise.all(numbers.map((number) => chain.blockStatus(number))),
    open: chain.openBlock(),
    environment: chain.latestEnvironment(),
  };
}

async function expectSame(): Promise<void> {
  const blocks = store.head().header.number + 1;
  expect(await describeChain(follower, blocks)).toEqual(await describeChain(store, blocks));
}

test('a follower shows what the store shows, step by step', async () => {
  await addBlocks(store, [builder.block(), builder.block()]);
  appendAll(store, [builder.miniBlock([builder.transfer(0)])]);
  follower = await follow();
  await expectSame();
  const miniBlock = builder.miniBlock([builder.transfer(1), builder.transfer(2)]);
  appendAll(store, [miniBlock]);
  await expectSame();
  const { hash } = defined(miniBlock.decoded[1]);
  expect(await follower.transactionByHash(hash)).toEqual(await store.transactionByHash(hash));
  const { seal } = builder.seal();
  const sealing = store.sealBlock(seal);
  // Before the block is in the database.
  await expectSame();
  expect(await follower.transactionByHash(hash)).toMatchObject({ blockHash: builder.blockAt(3).hash });
  await sealing;
  await expectSame();
  for (const change of [
    () => store.markRootVerified(2),
    () => store.markSafe(2),
    () => store.markDaPosted(2, new Uint8Array(32)),
    () => store.markFinalized(2),
  ]) {
    await change();
    await expectSame();
  }
  // Beyond what is kept in memory.
  await addBlocks(store, [builder.block(4, 4), builder.block(4, 4), builder.block(4, 4)]);
  await expectSame();
});

test('a follower that begins while a block is being stored has it', async () => {
  appendAll(store, builder.block().miniBlocks);
  const sealing = store.sealBlock(builder.blockAt(1).seal);
  appendAll(store, [builder.miniBlock([builder.transfer(0)])]);
  follower = await follow();
  await sealing;
  await expectSame();
});

test('events come in the order of the store', async () => {
  await addBlocks(store, [builder.block(), builder.block()]);
  follower = await follow();
  const seen: Record<'store' | 'follower', ChainEvent[]> = { store: [], follower: [] };
  store.subscribe((event) => seen.store.push(event));
  follower.subscribe((event) => seen.follower.push(event));
  await addBlocks(store, [builder.block()]);
  appendAll(store, [builder.miniBlock([builder.transfer(0)])]);
  await store.markRootVerified(1);
  await store.markSafe(1);
  await store.rollback(builder.blockAt(2).seal.lastNumber);
  expect(seen.follower.map(({ kind }) => kind)).toEqual(seen.store.map(({ kind }) => kind));
  expect(seen.follower.at(-1)).toMatchObject({ kind: 'rollback', removed: expect.any(Array) });
  const removed = (events: ChainEvent[]): string[] =>
    events.flatMap((event) => (event.kind === 'rollback' ? event.removed : [])).map(({ transaction }) => toHex(transaction.hash));
  expect(removed(seen.follower)).toEqual(removed(seen.store));
  await expectSame();
});

test('a block that is pruned is gone for a follower at once', async () => {
  const pruned = Array.from({ length: 3 }, () => builder.block());
  await addBlocks(store, pruned);
  follower = await follow();
  expect(await follower.oldestBlock()).toBe(1);
  follower.apply({ kind: 'pruned', oldestBlock: 3 });
  expect(await follower.oldestBlock()).toBe(3);
  await expect(follower.logs({ fromBlock: 1, toBlock: 1, addresses: [], topics: [] })).rejects.toMatchObject({
    code: 'HISTORY_PRUNED',
  });
});
