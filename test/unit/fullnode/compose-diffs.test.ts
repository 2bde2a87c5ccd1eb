import { expect, test } from 'vitest';
import { composeDiffs } from '../../../src/fullnode/compose-diffs.ts';
import { EMPTY_CODE_HASH } from '../../../src/protocol/primitives.ts';
import { type AccountDiff, createStateDiff, type StateDiff } from '../../../src/protocol/state-diff.ts';
import { StateTrie } from '../../../src/state/state-trie.ts';
import { keccak256 } from '../../../src/util/keccak.ts';

const address = (n: number): Uint8Array => new Uint8Array(20).fill(n);
const word = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const diff = (...accounts: AccountDiff[]): StateDiff => createStateDiff(accounts, []);

/** Root of `base` with all of `diffs` applied one after the other, and with their composition applied at once. */
function roots(base: StateDiff, diffs: StateDiff[]): [Uint8Array, Uint8Array] {
  const [stepwise, atOnce] = [StateTrie.empty(), StateTrie.empty()];
  stepwise.apply(base);
  atOnce.apply(base);
  for (const step of diffs) stepwise.apply(step);
  atOnce.apply(composeDiffs(diffs));
  return [stepwise.root(), atOnce.root()];
}

const base = diff(
  { address: address(1), nonce: 1n, balance: 5n, slots: [{ key: word(1), value: word(9) }] },
  { address: address(2), balance: 3n },
);

test.each<[string, StateDiff[]]>([
  ['writes of different accounts', [diff({ address: address(1), balance: 6n }), diff({ address: address(3), nonce: 1n })]],
  [
    'a value that returns to what it was',
    [diff({ address: address(1), balance: 6n }), diff({ address: address(1), balance: 5n })],
  ],
  [
    'slots written, cleared and written again',
    [
      diff({
        address: address(1),
        slots: [
          { key: word(1), value: word(0) },
          { key: word(2), value: word(4) },
        ],
      }),
      diff({
        address: address(1),
        nonce: 2n,
        slots: [
          { key: word(2), value: word(0) },
          { key: word(3), value: word(1) },
        ],
      }),
    ],
  ],
  ['an account that is deleted', [diff({ address: address(2), balance: 9n }), diff({ address: address(2), deleted: true })]],
  [
    'an account that is deleted and made again',
    [diff({ address: address(2), deleted: true }), diff({ address: address(2), nonce: 1n })],
  ],
  [
    'an account that is made and deleted',
    [diff({ address: address(7), balance: 1n }), diff({ address: address(7), deleted: true })],
  ],
])('%s: composed or stepwise, the root is the same', (_, diffs) => {
  const [stepwise, atOnce] = roots(base, diffs);
  expect(atOnce).toEqual(stepwise);
});

test('codes are kept once each', () => {
  const code = Uint8Array.of(1, 2);
  const withCode = createStateDiff([{ address: address(1), codeHash: keccak256(code) }], [code]);
  const composed = composeDiffs([withCode, withCode, diff({ address: address(1), codeHash: EMPTY_CODE_HASH })]);
  expect(composed.codes).toEqual([code]);
  expect(composed.accounts).toEqual([{ address: address(1), codeHash: EMPTY_CODE_HASH }]);
});
