import { expect, onTestFinished, test } from 'vitest';
import { openSharedHistory, stateHistoryDirectory } from '../../../src/node/state-history-parts.ts';
import { createInlineStateHistory, startStateHistoryThread } from '../../../src/node/state-history-thread.ts';
import type { BlockEnd } from '../../../src/protocol/ports/history.ts';
import { HISTORY_BLOCKS } from '../../../src/state/chain-state.ts';
import { HistoryReach } from '../../../src/state/history-reach.ts';
import { StateFollower } from '../../../src/state/state-follower.ts';
import { type AppendRequest, StateHistoryFeed, type StateHistoryHost } from '../../../src/state/state-history-feed.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import { TableReader } from '../../../src/state/table/table-reader.ts';
import type { HistoryWriterOptions } from '../../../src/store/state-history/history-writer.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { defined } from '../../support/defined.ts';
import { HistoryChain, type HistoryChainOptions } from '../../support/history-chain.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

/** Changes in a block of which a small journal holds a few. */
const MANY_CHANGES = 1_000;
/** More blocks of them than a small journal holds. */
const OVERRUN = 40;

async function createChain(options: Partial<HistoryChainOptions> = {}): Promise<HistoryChain> {
  const chain = await HistoryChain.create({ dataDir: tempDirectory(), seed: 1, keepBlocks: null, memoryBlocks: 3, ...options });
  onTestFinished(() => chain.close());
  return chain;
}

function expectReadable(chain: HistoryChain, from: number): void {
  for (let block = 0; block <= chain.head.blockNumber; block++) {
    expect(chain.read(block), `block ${block}`).toEqual(block < from ? undefined : chain.expected(block));
  }
}

test('a thread stores what the owner of the state seals while it goes on changing it', async () => {
  const chain = await createChain({ startWriting: startStateHistoryThread });
  for (let block = 0; block < 40; block++) {
    chain.addBlock(2, 40);
    if (block % 10 === 5) chain.rollback(3);
    await new Promise(setImmediate);
  }
  await chain.feed.idle();
  expect(chain.feed.newest.blockNumber).toBe(chain.head.blockNumber);
  expectReadable(chain, 0);
  expect(chain.errors).toEqual([]);
});

test('blocks that wait keep their old values, and when these are given up the history begins anew, loudly', async () => {
  const waiting = await createChain();
  for (let block = 0; block < 20; block++) waiting.addBlock(1);
  expect(waiting.feed.pending).toBe(20);
  expect(waiting.table.floor).toBeLessThanOrEqual(waiting.feed.retainFrom);
  await waiting.feed.idle();
  expectReadable(waiting, 0);

  const overrun = await createChain({ journalBytes: 2 * 65_536 });
  for (let block = 0; block < OVERRUN; block++) overrun.addBlock(1, MANY_CHANGES);
  expect(overrun.table.floor).toBeGreaterThan(overrun.feed.retainFrom);
  await overrun.feed.idle();
  expect(overrun.errors).toEqual([expect.stringMatching('begins anew')]);
  expectReadable(overrun, OVERRUN);
  for (let block = 0; block < 3; block++) {
    overrun.addBlock(1);
    await overrun.feed.idle();
  }
  expectReadable(overrun, OVERRUN);
});

test('a rollback while the history begins anew leaves it at the block that the chain went back to', async () => {
  const chain = await createChain({ journalBytes: 2 * 65_536 });
  for (let block = 0; block < OVERRUN; block++) chain.addBlock(1, MANY_CHANGES);
  await new Promise(setImmediate);
  chain.rollback(2);
  chain.addBlock(1);
  await chain.feed.idle();
  expect(chain.feed.newest.blockNumber).toBe(chain.head.blockNumber);
  expectReadable(chain, chain.feed.oldest ?? 0);
});

test('another thread reads the history by what it is sent of it, and a rollback ends what it holds on to', async () => {
  const dataDir = tempDirectory();
  const chain = await createChain({ dataDir });
  for (let block = 0; block < 10; block++) chain.addBlock(2);
  await chain.feed.idle();
  const { views, close } = await openSharedHistory(
    { directory: stateHistoryDirectory(dataDir), reach: chain.feed.sharedReach },
    {
      rows: TableReader.attach(chain.table.share()).rowFinder(),
      recentAt: (block) => chain.table.at(chain.blocks[block]?.lastNumber ?? -1),
    },
  );
  onTestFinished(close);
  expect(views.oldest).toBe(0);
  for (let block = 0; block <= 10; block++) expect(chain.read(block, views)).toEqual(chain.expected(block));
  expect(views.at(11)).toBeUndefined();
  const [held, address] = [views.at(4), new Uint8Array(20)];
  held?.getAccount(address);
  chain.rollback(2);
  expect(() => held?.getAccount(address)).toThrow('historical state is not available: blocks were undone');
  expect(chain.read(4, views)).toEqual(chain.expected(4));
});

/** Follows a chain as the thread of JSON-RPC does. */
async function followChain(chain: HistoryChain, dataDir: string) {
  const reader = TableReader.attach(chain.table.share());
  const moment = () => defined(chain.table.momentAt(chain.table.number));
  const reach = HistoryReach.attach(chain.feed.sharedReach);
  const follower = new StateFollower(
    { newest: moment(), blockEnds: [{ blockNumber: 0, moment: moment() }] },
    { reader, rangeOf: async () => undefined, newestStored: () => reach.newest },
  );
  const shared = { directory: stateHistoryDirectory(dataDir), reach: chain.feed.sharedReach };
  const recentAt = (block: number) => follower.stateUpTo(block);
  const { views, close } = await openSharedHistory(shared, { rows: reader.rowFinder(), recentAt });
  onTestFinished(close);
  return {
    follower,
    views,
    add: () => {
      chain.addBlock(1);
      follower.onMiniBlock(moment());
      follower.onSealed(chain.head.blockNumber);
    },
    expectAll: () => {
      const at = (block: number) => follower.stateAt(block) ?? views.at(block);
      for (const { blockNumber } of chain.blocks) expect(chain.read(blockNumber, { at })).toEqual(chain.expected(blockNumber));
      expect(views.oldest).toBe(0);
    },
  };
}

test('another thread reads every state while the disk is further behind than recent states go, and when it is ahead', async () => {
  const dataDir = tempDirectory();
  let disk = Promise.resolve();
  const startWriting = (options: HistoryWriterOptions) => {
    const writing = createInlineStateHistory(options);
    return { ...writing, append: (request: AppendRequest) => disk.then(() => writing.append(request)) };
  };
  const chain = await createChain({ dataDir, memoryBlocks: HISTORY_BLOCKS, startWriting });
  const { add, expectAll, follower, views } = await followChain(chain, dataDir);
  for (let block = 0; block < 3; block++) add();
  await chain.feed.idle();
  const stalled = Promise.withResolvers<void>();
  disk = stalled.promise;
  for (let block = 0; block < HISTORY_BLOCKS + 10; block++) add();
  expect(chain.feed.newest.blockNumber).toBe(3);
  expect(follower.oldestBlock()).toBe(3);
  expectAll();

  stalled.resolve();
  await chain.feed.idle();
  add();
  expect(follower.oldestBlock()).toBe(chain.head.blockNumber - HISTORY_BLOCKS);
  await chain.feed.idle();
  expectAll();
  chain.addBlock(1);
  await chain.feed.idle();
  expect(chain.read(5, views)).toEqual(chain.expected(5));
});

test('who can wait waits for room', async () => {
  const chain = await createChain();
  chain.addBlock(1);
  await chain.feed.room();
  expect(chain.feed.pending).toBe(1);
  for (let block = 0; block < 30; block++) chain.addBlock(1);
  await chain.feed.room();
  expect(chain.feed.pending).toBeLessThanOrEqual(8);
  expect(chain.feed.pending).toBeGreaterThan(0);
});

test('a failed write ends whoever watches, and holds nobody up', async () => {
  const table = new StateTable();
  table.apply({ accounts: [], codes: [] }, 0);
  const host: StateHistoryHost = {
    append: () => Promise.reject(new StrobeError('DATABASE_FAILED', 'no space left')),
    begin: async () => {},
    removeAbove: async () => 0,
  };
  const end = (number: number): BlockEnd => ({ blockNumber: number, lastNumber: number, lastDigest: new Uint8Array(32) });
  const logger = { error: () => {} };
  const modules = { host, state: table, reach: HistoryReach.create(), views: { at: () => undefined }, logger };
  const feed = new StateHistoryFeed({ oldest: 0, newest: end(0) }, modules);
  for (let number = 1; number <= 20; number++) {
    table.apply({ accounts: [], codes: [] }, number);
    feed.add(end(number));
  }
  const room = feed.room();
  await expect(feed.failed).rejects.toThrow('no space left');
  await room;
  feed.rollback(end(3));
  await feed.stop();
});
