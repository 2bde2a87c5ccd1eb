import { expect, test } from 'vitest';
import { FlatState } from '../../../src/state/flat-state.ts';
import { MAX_UNRELEASED_DIFFS } from '../../../src/state/overlay-state.ts';
import { ALICE, account, BOB, word } from '../../compliance/world-state-suite.ts';

function emptyAccountWithStorage(): FlatState {
  return FlatState.from([{ address: ALICE, account: account(0, 0), slots: [{ key: word(1), value: word(2) }] }], []);
}

test('diffs that are never released are refused in the end', () => {
  const world = new FlatState().overlay();
  for (let i = 0; i < MAX_UNRELEASED_DIFFS; i++) world.takeDiff();
  expect(() => world.takeDiff()).toThrow(expect.objectContaining({ code: 'TOO_MANY_UNRELEASED_DIFFS' }));
  world.release();
  expect(world.takeDiff()).toEqual({ accounts: [], codes: [] });
});

test('an empty account of the genesis file stays while it is only read or its touch is reverted', () => {
  const world = emptyAccountWithStorage().overlay();
  world.getAccount(ALICE);
  world.checkpoint();
  world.setStorage(ALICE, word(1), word(9));
  world.setAccount(ALICE, account(1, 0));
  world.revert();
  expect(world.takeDiff().accounts).toEqual([]);
  expect(world.getAccount(ALICE)).toEqual(account(0, 0));
});

test('hasStorage sees slots below and above, and not cleared ones', () => {
  const world = emptyAccountWithStorage().overlay();
  expect(world.hasStorage(ALICE)).toBe(true);
  expect(world.hasStorage(BOB)).toBe(false);
  world.clearStorage(ALICE);
  world.setStorage(BOB, word(1), word(1));
  expect(world.hasStorage(ALICE)).toBe(false);
  expect(world.hasStorage(BOB)).toBe(true);
});

test('a diff cannot be taken inside a transaction, and nothing released that was not taken', () => {
  const world = new FlatState().overlay();
  expect(() => world.release()).toThrow(expect.objectContaining({ code: 'INVARIANT_VIOLATED' }));
  world.checkpoint();
  expect(() => world.takeDiff()).toThrow(expect.objectContaining({ code: 'INVARIANT_VIOLATED' }));
});
