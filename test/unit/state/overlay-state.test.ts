import { expect, test } from 'vitest';
import { MAX_UNRELEASED_DIFFS, OverlayState } from '../../../src/state/overlay-state.ts';
import { ALICE, account, BOB, word } from '../../compliance/world-state-suite.ts';
import { MapState } from '../../support/map-state.ts';
import { mapStateOf } from '../../support/map-state-of.ts';

function emptyAccountWithStorage(): MapState {
  return mapStateOf([{ address: ALICE, account: account(0, 0), slots: [{ key: word(1), value: word(2) }] }], []);
}

test('diffs that are never released are refused in the end', () => {
  const world = new OverlayState(new MapState());
  for (let i = 0; i < MAX_UNRELEASED_DIFFS; i++) world.takeDiff();
  expect(() => world.takeDiff()).toThrow(expect.objectContaining({ code: 'TOO_MANY_UNRELEASED_DIFFS' }));
  world.release();
  expect(world.takeDiff()).toEqual({ accounts: [], codes: [] });
});

test('an empty account of the genesis file stays while it is only read or its touch is reverted', () => {
  const world = new OverlayState(emptyAccountWithStorage());
  world.getAccount(ALICE);
  world.checkpoint();
  world.setStorage(ALICE, word(1), word(9));
  world.setAccount(ALICE, account(1, 0));
  world.revert();
  expect(world.takeDiff().accounts).toEqual([]);
  expect(world.getAccount(ALICE)).toEqual(account(0, 0));
});

test('hasStorage sees slots below and above, and not cleared ones', () => {
  const world = new OverlayState(emptyAccountWithStorage());
  expect(world.hasStorage(ALICE)).toBe(true);
  expect(world.hasStorage(BOB)).toBe(false);
  world.clearStorage(ALICE);
  world.setStorage(BOB, word(1), word(1));
  expect(world.hasStorage(ALICE)).toBe(false);
  expect(world.hasStorage(BOB)).toBe(true);
});

test('a diff cannot be taken inside a transaction, and nothing released that was not taken', () => {
  const world = new OverlayState(new MapState());
  expect(() => world.release()).toThrow(expect.objectContaining({ code: 'INVARIANT_VIOLATED' }));
  world.checkpoint();
  expect(() => world.takeDiff()).toThrow(expect.objectContaining({ code: 'INVARIANT_VIOLATED' }));
});
