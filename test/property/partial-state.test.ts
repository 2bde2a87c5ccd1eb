import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StateNodes } from '../../src/protocol/ports/simulation.ts';
import { createStateDiff, encodeStateDiff, type StateDiff, sortSlots } from '../../src/protocol/state-diff.ts';
import { PartialState } from '../../src/state/partial-state.ts';
import { ProofTrie } from '../../src/state/proof-trie.ts';
import { StateTrie } from '../../src/state/state-trie.ts';
import { bigIntToBytes32 } from '../../src/util/bytes.ts';
import { stateDiff } from '../support/arbitraries.ts';
import { runs } from '../support/property-runs.ts';

const SLOTS = [0n, 1n, 2n, 3n];
const slotDiffOf = (slots: readonly { key: bigint; value: bigint }[]): StateDiff => {
  const words = slots.map(({ key, value }) => ({ key: bigIntToBytes32(key), value: bigIntToBytes32(value) }));
  return createStateDiff([{ address: new Uint8Array(20).fill(0xac), nonce: 1n, slots: sortSlots(words) }], []);
};
const ALL_SET = slotDiffOf(SLOTS.map((key) => ({ key, value: 1n })));
// A few slots of one account, set and cleared over and over: branches that collapse bit by bit.
const slotDiff = fc
  .uniqueArray(fc.record({ key: fc.constantFrom(...SLOTS), value: fc.constantFrom(0n, 0n, 1n) }), {
    minLength: 1,
    maxLength: 2,
    selector: ({ key }) => key,
  })
  .map(slotDiffOf);
const diff = fc.oneof({ arbitrary: stateDiff, weight: 1 }, { arbitrary: slotDiff, weight: 3 });
const diffs = (minLength: number, maxLength: number) => fc.array(diff, { minLength, maxLength });

test('diffs on parts of a past state lead to the roots that they have on the whole of it', async () => {
  await fc.assert(
    fc.asyncProperty(diffs(0, 4), diffs(1, 4), diffs(1, 6), async (past, later, simulated) => {
      const trie = new ProofTrie({ blocks: 8 });
      const whole = StateTrie.empty();
      for (const diff of [ALL_SET, ...past]) {
        trie.apply(encodeStateDiff(diff));
        whole.apply(diff);
      }
      const root = trie.endBlock();
      expect(root).toEqual(whole.root());
      const source: StateNodes = {
        nodes: async (stateRoot, changes) => {
          // The chain goes on while blocks are simulated.
          const next = later.shift();
          if (next !== undefined) trie.apply(encodeStateDiff(next));
          trie.endBlock();
          return trie.history.nodes({ stateRoot, changes });
        },
      };
      const partial = new PartialState(root, source);
      for (const diff of simulated) {
        whole.apply(diff);
        expect(await partial.apply(diff)).toEqual(whole.root());
      }
    }),
    runs(40),
  );
});
