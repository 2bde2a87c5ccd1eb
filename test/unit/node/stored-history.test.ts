import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadGenesisChain } from '../../../src/node/genesis-chain.ts';
import { Lifecycle } from '../../../src/node/lifecycle.ts';
import { type ChainStorage, openStorage } from '../../../src/node/open-storage.ts';
import { snapshotDirectory } from '../../../src/node/snapshot-import.ts';
import { importSnapshot } from '../../../src/node/snapshot-tools.ts';
import { StoredHistory, stateHistoryDirectory } from '../../../src/node/state-history-parts.ts';
import { createInlineStateHistory } from '../../../src/node/state-history-thread.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { replayLog } from '../../../src/state/replay-log.ts';
import { openLevel } from '../../../src/store/level-database.ts';
import { HistoryWriter } from '../../../src/store/state-history/history-writer.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { exportChainSnapshot, writeChainSnapshot, writeGenesisFile } from '../../support/chain-snapshot.ts';
import { recordsOf } from '../../support/chain-store-kit.ts';
import { defined } from '../../support/defined.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const BLOCKS = 6;

function buildChain(): ChainBuilder {
  const builder = new ChainBuilder();
  for (let block = 1; block <= BLOCKS; block++) builder.block(2, 1);
  return builder;
}

interface Opened extends ChainStorage {
  readonly close: () => Promise<void>;
}

/** An opened node with an archive that has read its log. */
async function open(builder: ChainBuilder, dataDir: string): Promise<Opened> {
  const logger = createLogger({ level: 'silent', format: 'json' });
  const life = new Lifecycle(logger);
  onTestFinished(() => life.stop());
  const chain = await loadGenesisChain(writeGenesisFile(builder));
  const options = { dataDir, chain, role: 'replica', durability: 'os', stateHistory: 'archive' } as const;
  const storage = await openStorage(options, { logger, life }).catch((error: unknown) => life.fail(error));
  return { ...storage, close: () => life.stop() };
}

async function replay({ log, store, chainState, codec, history }: ChainStorage): Promise<void> {
  await replayLog({ log, chainState, chain: store, codec });
  await history?.idle();
}

function extentOf({ history }: ChainStorage): unknown {
  return { oldest: history?.oldest, newest: history?.newest.blockNumber };
}

/** A node that stopped with its whole log and all states. */
async function stoppedNode(builder: ChainBuilder): Promise<string> {
  const dataDir = tempDirectory();
  const node = await open(builder, dataDir);
  await node.log.append(recordsOf(builder.blocks));
  await replay(node);
  expect(extentOf(node)).toEqual({ oldest: 0, newest: BLOCKS });
  await node.close();
  return dataDir;
}

/** What a crash may leave: the newest blocks of the history are missing. */
async function cutHistory(builder: ChainBuilder, dataDir: string, newest: number): Promise<void> {
  const writer = await HistoryWriter.open({ directory: join(dataDir, 'state-history') });
  const { lastNumber, lastDigest } = builder.blockAt(newest).seal;
  await writer.removeAbove({ blockNumber: newest, lastNumber, lastDigest });
  await writer.close();
}

test('blocks that the history lacks are filled from the log, if need be from an older snapshot than the newest', async () => {
  const builder = buildChain();
  const dataDir = await stoppedNode(builder);
  for (const block of [2, 5]) await writeChainSnapshot(builder, snapshotDirectory(dataDir), { block });
  await cutHistory(builder, dataDir, 4);
  const node = await open(builder, dataDir);
  expect(node.snapshot?.header.number).toBe(2);
  await replay(node);
  expect(extentOf(node)).toEqual({ oldest: 0, newest: BLOCKS });
  const { accounts } = defined(builder.blockAt(1).miniBlocks[0]).diff;
  const { address } = defined(accounts.find(({ balance }) => balance !== undefined));
  expect(node.chainState.stateAt(0)?.getAccount(address)?.balance).not.toBe(node.state.getAccount(address)?.balance);
  expect(node.chainState.oldestState()).toBe(0);
});

test('a gap that the log does not fill begins the history anew at the state that is loaded', async () => {
  const builder = buildChain();
  const dataDir = await stoppedNode(builder);
  await writeChainSnapshot(builder, snapshotDirectory(dataDir), { block: 5 });
  await cutHistory(builder, dataDir, 3);
  const node = await open(builder, dataDir);
  expect(extentOf(node)).toEqual({ oldest: 5, newest: 5 });
  await replay(node);
  expect(extentOf(node)).toEqual({ oldest: 5, newest: BLOCKS });
  expect(node.chainState.oldestState()).toBe(5);
  expect(node.chainState.stateAt(4)).toBeUndefined();
});

test('an imported snapshot is where the history begins', async () => {
  const builder = buildChain();
  const dataDir = join(tempDirectory(), 'node');
  const input = await exportChainSnapshot(builder, { block: 3 });
  await importSnapshot(dataDir, input, writeGenesisFile(builder));
  const node = await open(builder, dataDir);
  expect(extentOf(node)).toEqual({ oldest: 3, newest: 3 });
  await node.log.append(recordsOf(builder.blocks.slice(3)));
  await replay(node);
  expect(extentOf(node)).toEqual({ oldest: 3, newest: BLOCKS });
});

test('blocks that were undone behind its back are no part of the history', async () => {
  const builder = buildChain();
  const dataDir = await stoppedNode(builder);
  const { seal } = builder.blockAt(2);
  const node = await open(builder, dataDir);
  await node.store.rollback(seal.lastNumber);
  await node.log.truncateAfter(seal.lastNumber);
  await node.close();
  expect(extentOf(await open(builder, dataDir))).toEqual({ oldest: 0, newest: 2 });
});

test('this thread has the database open before the one that writes it, and after', async () => {
  const dataDir = tempDirectory();
  const isOpen = () =>
    expect(openLevel(stateHistoryDirectory(dataDir))).rejects.toThrow(expect.objectContaining({ code: 'LOCKED' }));
  const logger = createLogger({ level: 'silent', format: 'json' });
  const life = new Lifecycle(logger);
  const startWriting: typeof createInlineStateHistory = (options) => {
    const writing = createInlineStateHistory(options);
    const open = () => isOpen().then(writing.open);
    return { ...writing, open, close: () => writing.close().then(isOpen) };
  };
  const store = undefined as never; // read of a history that holds something
  await StoredHistory.open({ dataDir, stateHistory: 'archive' }, { store, logger, life, startWriting });
  await life.stop();
  expect.assertions(2);
});
