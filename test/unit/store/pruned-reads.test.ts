import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hashHeader } from '../../../src/protocol/block-header.ts';
import { ChainDatabase } from '../../../src/store/chain-database.ts';
import { HistoryPruner } from '../../../src/store/history-pruner.ts';
import { openLevel } from '../../../src/store/level-database.ts';
import { SegmentLog } from '../../../src/store/segment-log.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { addBlocks, openTestStore, recordsOf } from '../../support/chain-store-kit.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const OLDEST = 4;

/** A store of six blocks, opened anew after those below {@link OLDEST} were pruned from database and log. */
async function prunedStore() {
  const builder = new ChainBuilder();
  const blocks = Array.from({ length: 6 }, () => builder.block());
  const directory = tempDirectory();
  const { log } = await SegmentLog.open({
    directory: join(directory, 'log'),
    genesisHash: builder.genesisHash,
    durability: 'os',
    segmentBytes: 100,
  });
  await log.append(recordsOf(blocks.slice(0, 1)));
  for (const block of blocks.slice(1)) await log.append(recordsOf([block]));
  const filled = await openTestStore(builder, { directory: join(directory, 'chain'), log });
  await addBlocks(filled, blocks);
  await filled.close();

  const level = await openLevel(join(directory, 'chain'));
  const database = new ChainDatabase(level);
  await database.write((batch) => database.blocks.putOldest(batch, OLDEST));
  const { base } = filled;
  const chain = { base, head: () => filled.head(), finalizedNumber: () => OLDEST, subscribe: () => () => {} };
  await new HistoryPruner({ keepBlocks: 0 }, { database, chain, log }).pruneReady(new AbortController().signal);
  await level.close();
  await log.prune(builder.blockAt(OLDEST).seal.firstNumber);

  const store = await openTestStore(builder, { directory: join(directory, 'chain'), log });
  onTestFinished(async () => {
    await store.close();
    await log.close();
  });
  return { store, builder };
}

test('whatever belongs to a pruned block is not found, and the rest as before', async () => {
  const { store, builder } = await prunedStore();
  for (const number of [1, OLDEST - 1, OLDEST, 6]) {
    const built = builder.blockAt(number);
    const isKept = number >= OLDEST;
    const transaction = built.miniBlocks[0]?.decoded[0];
    const block = await store.blockByNumber(number);
    expect(block !== undefined, `block ${number}`).toBe(isKept);
    expect((await store.sealOf(number)) !== undefined).toBe(isKept);
    expect((await store.blockStatus(number)) !== undefined).toBe(isKept);
    expect((await store.miniBlock(built.seal.firstNumber)) !== undefined).toBe(isKept);
    expect((await store.transactionByHash(transaction?.hash ?? new Uint8Array(32))) !== undefined).toBe(isKept);
    expect(await store.blockByHash(hashHeader(built.seal.header))).toEqual(block);
  }
  expect((await store.blockByNumber(0))?.header.number).toBe(0);
});

test('a search for logs that begins below the oldest block says so', async () => {
  const { store } = await prunedStore();
  const search = (fromBlock: number, toBlock: number) => store.logs({ fromBlock, toBlock, addresses: [], topics: [] });
  for (const fromBlock of [0, 1, OLDEST - 1]) {
    await expect(search(fromBlock, 6)).rejects.toMatchObject({ code: 'HISTORY_PRUNED', meta: { oldest: OLDEST } });
  }
  expect(await search(0, 0)).toEqual([]);
  await expect(search(OLDEST, 6)).resolves.toBeInstanceOf(Array);
});
