import { expect, test } from 'vitest';
import { EMPTY_CODE_HASH, EMPTY_TRIE_ROOT } from '../../../src/protocol/primitives.ts';
import { createStateDiff, type SlotDiff } from '../../../src/protocol/state-diff.ts';
import { stateRootOf } from '../../../src/state/state-root.ts';
import { StateTrie } from '../../../src/state/state-trie.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import { bigIntToBytes32 } from '../../../src/util/bytes.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';

const slotsOf = (count: number): SlotDiff[] =>
  Array.from({ length: count }, (_, i) => ({ key: bigIntToBytes32(BigInt(i)), value: bigIntToBytes32(BigInt(i + 1)) }));

// Around the size of a batch, an account that spans several, and many small ones.
test.each([[[0]], [[1_023]], [[1_024]], [[1_025, 3]], [[5_000, 0, 2_000]], [Array.from({ length: 1_500 }, (_, i) => i % 3)]])(
  'is the root of a trie that was built otherwise',
  (counts) => {
    const accounts = counts.map((count, i) => ({
      address: bigIntToBytes32(BigInt(i + 1)).slice(12),
      ...{ nonce: 1n, balance: BigInt(i), codeHash: EMPTY_CODE_HASH },
      ...(count > 0 && { slots: slotsOf(count) }),
    }));
    const diff = createStateDiff(accounts, []);
    const table = new StateTable();
    table.apply(diff, 1);
    const trie = StateTrie.empty();
    trie.apply(diff);
    expect(stateRootOf(table)).toEqual(trie.root());
  },
);

test('is that of a sealed block, and of nothing', () => {
  const builder = new ChainBuilder();
  const { seal } = builder.block();
  expect(stateRootOf(builder.state)).toEqual(seal.header.stateRoot);
  expect(stateRootOf(new StateTable())).toEqual(EMPTY_TRIE_ROOT);
});
