import { expect, test } from 'vitest';
import { ZERO_HASH } from '../../../src/protocol/primitives.ts';
import { FlatState } from '../../../src/state/flat-state.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { ALICE, account, BOB, CODE, word } from '../../compliance/world-state-suite.ts';

test('a state from a listing holds what was listed, empty accounts included', () => {
  const slots = [{ key: word(1), value: word(2) }];
  const state = FlatState.from(
    [
      { address: ALICE, account: account(1, 5, CODE), slots },
      { address: BOB, account: account(0, 0), slots: [] },
    ],
    [CODE],
  );
  expect(state.getAccount(BOB)).toEqual(account(0, 0));
  expect(state.getStorage(ALICE, word(1))).toEqual(word(2));
  expect(state.getCode(keccak256(CODE))).toEqual(CODE);
});

test('values are copied out of the diff they came with', () => {
  const state = new FlatState();
  const value = word(7);
  state.apply({ accounts: [{ address: ALICE, nonce: 1n, slots: [{ key: word(1), value }] }], codes: [] });
  value.fill(0xff);
  expect(state.getStorage(ALICE, word(1))).toEqual(word(7));
});

test('a cleared slot leaves nothing behind', () => {
  const state = new FlatState();
  state.apply({ accounts: [{ address: ALICE, nonce: 1n, slots: [{ key: word(1), value: word(2) }] }], codes: [] });
  state.apply({ accounts: [{ address: ALICE, slots: [{ key: word(1), value: ZERO_HASH }] }], codes: [] });
  expect([...state.entries()].flatMap((entry) => [...entry.slots])).toEqual([]);
});
