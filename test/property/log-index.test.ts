import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { IndexedLog, LogFilter } from '../../src/protocol/ports/chain.ts';
import { toHex } from '../../src/util/bytes.ts';
import { ChainBuilder } from '../support/chain-builder.ts';
import { addBlocks } from '../support/chain-store-kit.ts';
import { logsIn } from '../support/fake-chain-parts.ts';
import { openIndexedStore } from '../support/indexed-store.ts';
import { runs } from '../support/property-runs.ts';
import { testAccount, testLog, testTopic } from '../support/test-accounts.ts';

const CONTRACTS = ['a', 'b', 'c'].map((name) => testAccount(name).address);
const TOPICS = [0, 1, 2, 3].map(testTopic);
const BLOCKS = 10;

const logs = fc.array(
  fc.record({ contract: fc.nat(CONTRACTS.length - 1), topics: fc.array(fc.nat(TOPICS.length - 1), { maxLength: 4 }) }),
  { maxLength: 3 },
);
/** Logs of each mini-block of each block. */
const chains = fc.array(fc.array(logs, { minLength: 1, maxLength: 3 }), { minLength: BLOCKS, maxLength: BLOCKS });
const filters = fc.record({
  fromBlock: fc.integer({ min: 0, max: BLOCKS }),
  blocks: fc.nat(BLOCKS + 1),
  addresses: fc.subarray(CONTRACTS),
  topics: fc.array(fc.option(fc.subarray(TOPICS), { nil: undefined }), { maxLength: 4 }),
});

const placeOf = ({ transaction, position }: IndexedLog): string =>
  `${transaction.blockNumber}/${transaction.firstLogIndex + position} ${toHex(transaction.transaction.hash)}`;

test('what the index finds, wherever it begins and ends, is what looking at every log finds', async () => {
  await fc.assert(
    fc.asyncProperty(
      chains,
      fc.array(filters, { minLength: 8, maxLength: 8 }),
      fc.nat(BLOCKS),
      async (chain, queries, indexed) => {
        const builder = new ChainBuilder();
        for (const miniBlocks of chain) {
          for (const [i, entries] of miniBlocks.entries()) {
            const claimed = entries.map(({ contract, topics }) => testLog(CONTRACTS[contract] as Uint8Array, ...topics));
            builder.miniBlock([builder.transfer(i), { ...builder.transfer(i + 1), logs: claimed }]);
          }
          builder.seal();
        }
        const { store, indexer, range } = await openIndexedStore(builder);
        await addBlocks(store, builder.blocks);
        const last = Math.max(indexed - 1, 0);
        // The first block may lie outside, too.
        const first = indexed % 3 === 0 ? 2 : 1;
        if (last >= first) range.set(await indexer.add({ first, last: first - 1 }, last));

        const all = (await Promise.all(chain.map((_, i) => store.blockByNumber(i + 1)))).flatMap(
          (block) => block?.transactions ?? [],
        );
        for (const { fromBlock, blocks, addresses, topics } of queries) {
          const filter: LogFilter = { fromBlock, toBlock: fromBlock + blocks, addresses, topics };
          const expected = logsIn(all, filter, 1).map(placeOf);
          expect((await store.logs(filter)).map(placeOf)).toEqual(expected);
          const page = await store.logPage(filter, 1);
          const skipped = expected.filter((place) => place.startsWith(`${fromBlock}/0 `)).length;
          expect(page).toMatchObject({ next: undefined });
          expect(page.logs.map(placeOf)).toEqual(expected.slice(skipped));
        }
      },
    ),
    runs(12),
  );
});
