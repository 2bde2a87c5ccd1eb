import { expect, test } from 'vitest';
import { BlockReader } from '../../../src/store/block-reader.ts';
import { BlockRepository } from '../../../src/store/block-repository.ts';
import { LogSearch } from '../../../src/store/log-search.ts';
import { RecentBlocks } from '../../../src/store/recent-blocks.ts';
import { numberKey, TABLE } from '../../../src/store/tables.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { addBlocks } from '../../support/chain-store-kit.ts';
import { defined } from '../../support/defined.ts';
import { type IndexedStore, interrupted, openIndexedStore } from '../../support/indexed-store.ts';
import { testAccount, testLog } from '../../support/test-accounts.ts';

const LOGGER = testAccount('logger').address;

/** Two blocks, and a third with logs in its two mini-blocks. */
function builtChain(value: bigint): ChainBuilder {
  const builder = new ChainBuilder();
  for (let i = 0; i < 2; i++) builder.block();
  for (let i = 0; i < 2; i++) builder.miniBlock([{ ...builder.transfer(i, value), logs: [testLog(LOGGER, i)] }]);
  builder.seal();
  return builder;
}

/** Readers of a chain whose third block is undone when the body of its second mini-block is read; `other` takes its place. */
async function openUndone(other?: ChainBuilder): Promise<{ node: IndexedStore; reader: BlockReader; search: LogSearch }> {
  const builder = builtChain(1n);
  const node = await openIndexedStore(builder);
  await addBlocks(node.store, builder.blocks);
  const undo = async (): Promise<void> => {
    await node.store.rollback(4);
    if (other !== undefined) await addBlocks(node.store, other.blocks.slice(2));
  };
  const blocks = new BlockRepository(interrupted(node.chain, 6, undo));
  const reader = new BlockReader({ blocks, log: { read: async function* () {} } });
  const modules = { blocks, reader, recent: new RecentBlocks(1), index: undefined };
  return { node, reader, search: new LogSearch({ maxLogBlocks: 10, maxLogs: 10 }, modules) };
}

const SEARCH = { fromBlock: 1, toBlock: 3, addresses: [LOGGER], topics: [] };
const hashIn = (builder: ChainBuilder) => defined(builder.blockAt(3).miniBlocks[1]?.decoded[0]).hash;

test.each(['none', 'another one'])(
  'a block that is undone while it is read, with %s in its place, is not there',
  async (what) => {
    const isReplaced = what === 'another one';
    const open = () => openUndone(isReplaced ? builtChain(2n) : undefined);
    expect(await (await open()).reader.block(3)).toBeUndefined();
    expect(await (await open()).reader.transaction(hashIn(builtChain(1n)))).toBeUndefined();
    const { search, node } = await open();
    expect(await search.search(SEARCH, { head: 3, openBlock: undefined })).toEqual([]);
    const found = await search.search(SEARCH, { head: node.store.head().header.number, openBlock: undefined });
    expect(found.map(({ transaction }) => transaction.transaction.value)).toEqual(isReplaced ? [2n, 2n] : []);
  },
);

test('a body that is missing of a block that is there is damage', async () => {
  const builder = builtChain(1n);
  const { store, chain } = await openIndexedStore(builder);
  await addBlocks(store, builder.blocks);
  const blocks = new BlockRepository(interrupted(chain, 6, () => chain.del(numberKey(TABLE.bodies, 6))));
  const reader = new BlockReader({ blocks, log: { read: async function* () {} } });
  await expect(reader.block(3)).rejects.toMatchObject({ code: 'DATABASE_FAILED' });
});
