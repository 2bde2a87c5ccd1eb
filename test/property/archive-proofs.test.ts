import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { expectBlockProven, modelRoots, openArchiveTrie } from '../support/archive-tries.ts';
import { defined } from '../support/defined.ts';
import { HistoryChain } from '../support/history-chain.ts';
import { runs } from '../support/property-runs.ts';
import { tempDirectory } from '../support/temp-directory.ts';

type Step =
  | { readonly kind: 'blocks'; readonly count: number }
  | { readonly kind: 'rollback'; readonly count: number }
  /** Which of the blocks that can be proven, as a share of them. */
  | { readonly kind: 'prove'; readonly place: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('blocks' as const), count: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rollback' as const), count: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('prove' as const), place: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
);

test('a travelling trie proves every stored block as it was, in any order, while the chain goes on and back', async () => {
  const scenario = fc.record({
    seed: fc.integer(),
    keepBlocks: fc.option(fc.integer({ min: 4, max: 12 }), { freq: 3 }),
    steps: fc.array(step, { minLength: 10, maxLength: 18 }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ seed, keepBlocks, steps }) => {
      const dataDir = tempDirectory();
      const chain = await HistoryChain.create({ dataDir, seed, keepBlocks, memoryBlocks: 3 });
      onTestFinished(() => chain.close());
      const trie = await openArchiveTrie(chain, dataDir);
      for (const next of [{ kind: 'blocks', count: 5 } as const, ...steps]) {
        if (next.kind === 'blocks') for (let i = 0; i < next.count; i++) chain.addBlock(2);
        if (next.kind === 'rollback') chain.rollback(next.count);
        await chain.feed.idle();
        if (next.kind !== 'prove') continue;
        const [oldest, newest] = [defined(chain.feed.oldest), chain.feed.newest.blockNumber];
        const block = oldest + Math.round(next.place * (newest - oldest));
        await expectBlockProven(chain, trie, block, defined(modelRoots(chain)[block]));
      }
      expect(chain.errors).toEqual([]);
      await chain.close();
    }),
    runs(4),
  );
});
