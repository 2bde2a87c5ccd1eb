import { expect, test } from 'vitest';
import { undoUnlogged } from '../../../src/node/unlogged-blocks.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { addBlocks, openTestNode, recordsOf } from '../../support/chain-store-kit.ts';

const BLOCKS = 4;
const RECORDS_OF_BLOCK = 3;

/** Blocks of two mini-blocks each. */
function chainOf(value?: (block: number) => bigint): ChainBuilder {
  const builder = new ChainBuilder();
  for (let block = 1; block <= BLOCKS; block++) {
    for (let index = 0; index < 2; index++) builder.miniBlock([builder.transfer(index, value?.(block))]);
    builder.seal();
  }
  return builder;
}

/** A store of all blocks beside a log of the records given. */
async function open(builder: ChainBuilder, records: ReturnType<typeof recordsOf>) {
  const { store, log } = await openTestNode(builder);
  await addBlocks(store, builder.blocks);
  await log.append(records);
  const warnings: string[] = [];
  const undo = () =>
    undoUnlogged({ store, log, logger: { warn: (_: object, message?: string) => warnings.push(message ?? '') } });
  return { store, log, undo, warnings };
}

const builder = chainOf();
const records = recordsOf(builder.blocks);
const fork = recordsOf(chainOf((block) => (block < BLOCKS ? 1n : 2n)).blocks);

test.each([
  ['all of them', records, BLOCKS],
  ['all but the last seal', records.slice(0, -1), BLOCKS],
  ['the last block in part', records.slice(0, -2), BLOCKS - 1],
  ['one block', records.slice(0, RECORDS_OF_BLOCK), 1],
  ['nothing', [], 0],
  ['another last block', fork, BLOCKS - 1],
])('of a log that has %s the store keeps what is the same', async (_, logged, kept) => {
  const { store, undo, warnings } = await open(builder, logged);
  await undo();
  expect(store.head().header.number).toBe(kept);
  expect(store.miniBlockNumber()).toBe(2 * kept);
  expect(warnings).toHaveLength(kept === BLOCKS ? 0 : 1);
  expect(await store.blockByNumber(kept + 1)).toBeUndefined();
});

test.each([
  ['inside of it', 2 * RECORDS_OF_BLOCK - 2, BLOCKS],
  ['right behind it', 2 * RECORDS_OF_BLOCK - 1, 2],
])('a safe block stays when the log ends %s', async (_, count, kept) => {
  const { store, undo } = await open(builder, records.slice(0, count));
  await store.markSafe(2);
  await undo();
  expect(store.head().header.number).toBe(kept);
  expect(store.safeNumber()).toBe(2);
});
