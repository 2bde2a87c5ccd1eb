import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { isStrobeError } from '../../src/util/errors.ts';
import { defined } from '../support/defined.ts';
import { HistoryChain } from '../support/history-chain.ts';
import { runs } from '../support/property-runs.ts';
import { tempDirectory } from '../support/temp-directory.ts';

type Step =
  | { readonly kind: 'block'; readonly miniBlocks: number }
  | { readonly kind: 'rollback'; readonly count: number }
  | { readonly kind: 'restart'; readonly back: number; readonly isKilled: boolean; readonly undone: number }
  | { readonly kind: 'turn' | 'drain' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('block' as const), miniBlocks: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rollback' as const), count: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      ...{ kind: fc.constant('restart' as const), back: fc.nat({ max: 8 }) },
      ...{ isKilled: fc.boolean(), undone: fc.nat({ max: 3 }) },
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('turn' as const, 'turn' as const, 'drain' as const) }) },
);

/** Everything that the history says it has reads as it was. */
function check(chain: HistoryChain, isIdle: boolean): void {
  const { oldest, newest } = chain.feed;
  const from = oldest ?? newest.blockNumber + 1;
  for (let block = 0; block <= chain.head.blockNumber; block++) {
    const isReached = block >= from && block <= newest.blockNumber;
    const read = readOf(chain, block);
    // The writer has pruned it, and the feed is not told yet.
    if (read === 'forgotten' && isReached && !isIdle) continue;
    expect(read, `block ${block}`).toEqual(isReached ? chain.expected(block) : undefined);
  }
}

function readOf(chain: HistoryChain, block: number): readonly string[] | 'forgotten' | undefined {
  try {
    return chain.read(block);
  } catch (error) {
    if (isStrobeError(error, 'STATE_FORGOTTEN')) return 'forgotten';
    throw error;
  }
}

async function take(chain: HistoryChain, next: Step): Promise<void> {
  if (next.kind === 'block') chain.addBlock(next.miniBlocks);
  else if (next.kind === 'rollback') chain.rollback(next.count);
  else if (next.kind === 'restart') await chain.restart(next);
  else if (next.kind === 'turn') await new Promise(setImmediate);
  else await chain.feed.idle();
}

test('the state of every block in the history is what it was, whatever was undone, lost and started again meanwhile', async () => {
  const scenario = fc.record({
    seed: fc.integer(),
    keepBlocks: fc.option(fc.integer({ min: 1, max: 6 })),
    steps: fc.array(step, { minLength: 5, maxLength: 30 }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ seed, keepBlocks, steps }) => {
      const chain = await HistoryChain.create({ dataDir: tempDirectory(), seed, keepBlocks, memoryBlocks: 3 });
      onTestFinished(() => chain.close());
      for (const next of steps) {
        await take(chain, next);
        check(chain, next.kind === 'drain');
      }
      await chain.feed.idle();
      check(chain, true);
      expect(chain.feed.newest.blockNumber).toBe(chain.head.blockNumber);
      const oldest = defined(chain.feed.oldest);
      // Blocks that a crash kept from being stored are a gap when the state is of a newer one.
      const mayHaveGap = steps.some((each) => each.kind === 'restart' && each.isKilled);
      if (keepBlocks === null && !mayHaveGap) expect(oldest).toBe(0);
      if (keepBlocks !== null) expect(chain.head.blockNumber - oldest).toBeLessThanOrEqual(keepBlocks);
      expect(chain.errors).toEqual([]);
      await chain.close();
    }),
    runs(15),
  );
});
