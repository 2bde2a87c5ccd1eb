import { expect, test } from 'vitest';
import type { WorldState } from '../../../src/protocol/ports/state.ts';
import type { StateDiff } from '../../../src/protocol/state-diff.ts';
import { BlockDiffAccumulator } from '../../../src/state/block-diff.ts';
import { FlatState } from '../../../src/state/flat-state.ts';
import { ALICE, account, BOB, CODE, word } from '../../compliance/world-state-suite.ts';

/** The net diff of one mini-block per step over a state where Alice has 100 and slot 1 = 10. */
function netOf(...steps: ((world: WorldState) => void)[]): StateDiff {
  const slots = [{ key: word(1), value: word(10) }];
  const state = FlatState.from([{ address: ALICE, account: account(1, 100), slots }], []);
  const accumulator = new BlockDiffAccumulator();
  for (const step of steps) {
    const world = state.overlay();
    step(world);
    const diff = world.takeDiff();
    accumulator.add(diff, state.apply(diff));
  }
  return accumulator.net();
}

test('what a later mini-block puts back is absent', () => {
  const net = netOf(
    (world) => {
      world.setStorage(ALICE, word(1), word(11));
      world.setAccount(BOB, account(0, 1));
    },
    (world) => {
      world.setStorage(ALICE, word(1), word(10));
      world.deleteAccount(BOB);
    },
  );
  expect(net).toEqual({ accounts: [], codes: [] });
});

test('an account deleted and made again is compared with what it was before the block', () => {
  const net = netOf(
    (world) => world.deleteAccount(ALICE),
    (world) => world.setAccount(ALICE, account(1, 7)),
  );
  expect(net.accounts).toEqual([{ address: ALICE, balance: 7n, slots: [{ key: word(1), value: word(0) }] }]);
});

test('an account deleted at the end carries nothing else', () => {
  const net = netOf(
    (world) => world.setStorage(ALICE, word(2), word(5)),
    (world) => world.deleteAccount(ALICE),
  );
  expect(net.accounts).toEqual([{ address: ALICE, deleted: true }]);
});

test('code stays listed though its account is gone again', () => {
  const net = netOf(
    (world) => {
      world.putCode(CODE);
      world.setAccount(BOB, account(1, 0, CODE));
    },
    (world) => world.deleteAccount(BOB),
  );
  expect(net).toEqual({ accounts: [], codes: [CODE] });
});

test('reset forgets the block', () => {
  const state = new FlatState();
  const accumulator = new BlockDiffAccumulator();
  const diff = { accounts: [{ address: ALICE, nonce: 1n }], codes: [] };
  accumulator.add(diff, state.apply(diff));
  accumulator.reset();
  expect(accumulator.net()).toEqual({ accounts: [], codes: [] });
});
