import { expect, test } from 'vitest';
import type { LogFilter } from '../../../src/protocol/ports/chain.ts';
import type { ChainStore } from '../../../src/store/chain-store.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { addBlocks, appendAll, openTestStore } from '../../support/chain-store-kit.ts';
import { defined } from '../../support/defined.ts';
import { testAccount, testLog, testTopic } from '../../support/test-accounts.ts';

const A = testAccount('contract a').address;
const B = testAccount('contract b').address;

/** Six sealed blocks; block n has a log of A with topics (n, 1), the even ones also one of B with topic (n); and an open block like them. */
async function chainWithLogs(
  overrides: { maxLogBlocks?: number; maxLogs?: number; recentTransactions?: number } = {},
): Promise<ChainStore> {
  const builder = new ChainBuilder();
  const fill = (n: number) =>
    builder.miniBlock([{ ...builder.transfer(n), logs: [testLog(A, n, 1), ...(n % 2 === 0 ? [testLog(B, n)] : [])] }]);
  for (let n = 1; n <= 6; n++) {
    fill(n);
    builder.miniBlock([builder.transfer(n)]);
    builder.seal();
  }
  const store = await openTestStore(builder, overrides);
  await addBlocks(store, builder.blocks);
  appendAll(store, [fill(7)]);
  return store;
}

const everything: LogFilter = { fromBlock: 0, toBlock: 100, addresses: [], topics: [] };

/** Found logs as `block/topic0`, B's with a mark. */
async function find(store: ChainStore, filter: Partial<LogFilter>): Promise<string[]> {
  const logs = await store.logs({ ...everything, ...filter });
  return logs.map(({ transaction, position }) => {
    const log = defined(transaction.receipt.logs[position]);
    return `${transaction.blockNumber}/${defined(log.topics[0])[31]}${Buffer.compare(log.address, B) === 0 ? 'b' : ''}`;
  });
}

test.each([{ recentTransactions: 1 }, {}])('filters select by block, address and topic, in chain order (%o)', async (limits) => {
  const store = await chainWithLogs(limits);
  expect(await find(store, {})).toEqual(['1/1', '2/2', '2/2b', '3/3', '4/4', '4/4b', '5/5', '6/6', '6/6b', '7/7']);
  expect(await find(store, { toBlock: 6 })).not.toContain('7/7');
  expect(await find(store, { fromBlock: 7 })).toEqual(['7/7']);
  expect(await find(store, { fromBlock: 2, toBlock: 4, addresses: [B] })).toEqual(['2/2b', '4/4b']);
  expect(await find(store, { topics: [[testTopic(2), testTopic(5)]] })).toEqual(['2/2', '2/2b', '5/5']);
  expect(await find(store, { addresses: [A, B], topics: [[testTopic(2)], undefined] })).toEqual(['2/2']);
  expect(await find(store, { topics: [undefined, [testTopic(1)]] })).toHaveLength(7);
  expect(await find(store, { addresses: [testAccount('nobody').address] })).toEqual([]);
  await store.close();
});

test('too many logs and too long ranges are refused with the limit named', async () => {
  const store = await chainWithLogs({ maxLogBlocks: 4, maxLogs: 4 });
  await expect(find(store, { fromBlock: 1, toBlock: 5 })).rejects.toMatchObject({
    code: 'LOG_RANGE_TOO_LARGE',
    message: 'exceed maximum block range: 4',
  });
  await expect(find(store, { fromBlock: 1, toBlock: 4 })).rejects.toMatchObject({
    code: 'TOO_MANY_LOGS',
    message: 'query returned more than 4 results',
  });
  expect(await find(store, { fromBlock: 1, toBlock: 4, addresses: [A] })).toHaveLength(4);
  expect(await find(store, { fromBlock: 4, toBlock: 1_000_000_000, addresses: [B] })).toHaveLength(2);
  await expect(find(store, { fromBlock: 3, toBlock: 2 })).rejects.toMatchObject({ code: 'INVALID_BLOCK_RANGE' });
  await store.close();
});
