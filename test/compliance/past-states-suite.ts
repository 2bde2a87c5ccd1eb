import { describe, expect, test } from 'vitest';
import { EMPTY_CODE_HASH } from '../../src/protocol/primitives.ts';
import { encodeStateDiff, type StateDiff } from '../../src/protocol/state-diff.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { defined } from '../support/defined.ts';
import { netDiffOf } from '../support/net-diffs.ts';
import { listAccounts, listRows, listState, type RestorableState, restoreInto } from '../support/state-listing.ts';
import { ALICE, BOB, CAROL, CODE, diffOf, GENESIS, OTHER_CODE, slots, word } from './committed-state-fixture.ts';

const ALL = [ALICE, BOB, CAROL];

/** Mini-blocks above genesis that do everything; the state after each is what the tests below go back to. */
const HISTORY: readonly StateDiff[] = [
  GENESIS,
  diffOf([{ address: ALICE, balance: 90n, slots: slots([1, 11], [3, 30]) }]),
  diffOf(
    [
      { address: ALICE, deleted: true },
      { address: CAROL, nonce: 1n, codeHash: keccak256(OTHER_CODE), slots: slots([1, 1]) },
    ],
    [OTHER_CODE],
  ),
  diffOf([{ address: ALICE, nonce: 9n, slots: slots([1, 10], [4, 4]) }]),
  diffOf([{ address: CAROL, balance: 1n, codeHash: EMPTY_CODE_HASH, slots: slots([1, 0]) }]),
  diffOf([{ address: BOB, deleted: true }]),
];
const LAST = HISTORY.length - 1;

/** What every committed state must know of earlier mini-blocks. `create` makes an empty one. */
export function pastStatesSuite(name: string, create: () => RestorableState): void {
  function afterHistory(upTo = LAST): RestorableState {
    const state = create();
    HISTORY.slice(0, upTo + 1).forEach((diff, number) => {
      state.apply(diff, number);
    });
    return state;
  }

  describe(`${name}: going back`, () => {
    test.each(HISTORY.map((_, number) => number))('a rollback to %i is as if nothing had come after', (number) => {
      const state = afterHistory();
      const expected = afterHistory(number);
      state.rollback(number);
      expect(listState(state)).toEqual(listState(expected));
      expect(listRows(state.rows)).toEqual(listRows(expected.rows));
      expect(state.mark()).toEqual(expected.mark());
      expect([state.number, state.floor]).toEqual([number, -1]);
      expect(state.getCode(keccak256(OTHER_CODE))).toEqual(number < 2 ? undefined : OTHER_CODE);
      HISTORY.slice(number + 1).forEach((diff, i) => {
        state.apply(diff, number + 1 + i);
      });
      expect(listState(state)).toEqual(listState(afterHistory()));
      expect(state.mark()).toEqual(afterHistory().mark());
    });

    test('a rollback to the present or beyond changes nothing', () => {
      const state = afterHistory();
      state.rollback(LAST);
      state.rollback(LAST + 7);
      expect(state.number).toBe(LAST);
      expect(listState(state)).toEqual(listState(afterHistory()));
    });

    test('a rollback below the floor is refused and changes nothing', () => {
      const state = afterHistory();
      state.release(3);
      expect(() => state.rollback(2)).toThrow(expect.objectContaining({ code: 'ROLLBACK_BELOW_FLOOR' }));
      expect(listState(state)).toEqual(listState(afterHistory()));
      state.rollback(3);
      expect(listState(state)).toEqual(listState(afterHistory(3)));
    });

    test('a code that an earlier mini-block brought stays known', () => {
      const state = afterHistory(0);
      state.apply(diffOf([{ address: CAROL, nonce: 1n, codeHash: keccak256(CODE) }], [CODE]), 1);
      state.rollback(0);
      expect(state.getCode(keccak256(CODE))).toEqual(CODE);
    });
  });

  describe(`${name}: old values`, () => {
    test('released ones are gone, the others stay', () => {
      const state = afterHistory();
      state.release(2);
      expect(state.floor).toBe(2);
      expect([state.at(1), state.netDiff(1, 3)]).toEqual([undefined, undefined]);
      expect(listAccounts(defined(state.at(2)), ALL)).toEqual(listAccounts(afterHistory(2), ALL));
      state.release(1);
      expect(state.floor).toBe(2);
      state.release(LAST + 5);
      expect([state.floor, state.number]).toEqual([LAST, LAST]);
    });

    test.each(HISTORY.map((_, number) => number))('the state at %i reads as it did then', (number) => {
      const state = afterHistory();
      const expected = afterHistory(number);
      const view = defined(state.at(number));
      expect(listAccounts(view, ALL)).toEqual(listAccounts(expected, ALL));
      for (const key of [1, 2, 3, 4]) expect(view.getStorage(ALICE, word(key))).toEqual(expected.getStorage(ALICE, word(key)));
      expect(view.getCode(keccak256(OTHER_CODE))).toEqual(number < 2 ? undefined : OTHER_CODE);
    });

    test('a view stays what it is when more is applied', () => {
      const state = afterHistory(1);
      const view = defined(state.at(1));
      HISTORY.slice(2).forEach((diff, i) => {
        state.apply(diff, i + 2);
      });
      expect(listAccounts(view, ALL)).toEqual(listAccounts(afterHistory(1), ALL));
      expect(state.at(LAST + 1)).toBeUndefined();
    });
  });

  describe(`${name}: net changes`, () => {
    test('over one mini-block they are its diff', () => {
      const state = afterHistory();
      HISTORY.forEach((diff, number) => {
        expect(state.netDiff(number - 1, number)).toEqual(encodeStateDiff(diff));
      });
      expect(netDiffOf(state, LAST, LAST)).toEqual({ accounts: [], codes: [] });
    });

    test('over several they lead to the same state, without what returned', () => {
      const state = afterHistory();
      expect(netDiffOf(state, 0, 3)).toEqual(
        diffOf(
          [
            { address: ALICE, nonce: 9n, balance: 0n, codeHash: EMPTY_CODE_HASH, slots: slots([2, 0], [4, 4]) },
            { address: CAROL, nonce: 1n, codeHash: keccak256(OTHER_CODE), slots: slots([1, 1]) },
          ],
          [OTHER_CODE],
        ),
      );
      const twin = afterHistory(1);
      twin.apply(netDiffOf(state, 1, LAST), 2);
      expect(listState(twin)).toEqual(listState(state));
    });

    test('what came and went is not mentioned, but its code is', () => {
      const state = afterHistory(0);
      state.apply(
        diffOf([{ address: CAROL, nonce: 1n, codeHash: keccak256(OTHER_CODE), slots: slots([1, 1]) }], [OTHER_CODE]),
        1,
      );
      state.apply(diffOf([{ address: CAROL, deleted: true }]), 2);
      expect(netDiffOf(state, 0, 2)).toEqual({ accounts: [], codes: [OTHER_CODE] });
      expect(netDiffOf(state, 1, 2)).toEqual(diffOf([{ address: CAROL, deleted: true }]));
    });
  });

  describe(`${name}: snapshots`, () => {
    test.each(HISTORY.map((_, number) => number))('one of %i is restored with its rows and goes on', (number) => {
      const restored = create();
      restoreInto(restored, afterHistory(), number, 50);
      const expected = afterHistory(number);
      expect(listState(restored)).toEqual(listState(expected));
      expect(listRows(restored.rows)).toEqual(listRows(expected.rows));
      expect(restored.mark()).toEqual(expected.mark());
      expect([restored.number, restored.floor]).toEqual([number, number]);
      HISTORY.slice(number + 1).forEach((diff, i) => {
        restored.apply(diff, number + 1 + i);
      });
      expect(restored.mark()).toEqual(afterHistory().mark());
      expect(listState(restored)).toEqual(listState(afterHistory()));
    });

    test('there is none of what is forgotten or yet to come', () => {
      const state = afterHistory();
      state.release(3);
      expect([state.snapshot(2), state.snapshot(LAST + 1)]).toEqual([undefined, undefined]);
    });

    test('one of another state is refused', () => {
      const loader = create().loader();
      const snapshot = defined(afterHistory(3).snapshot(3));
      for (const chunk of snapshot.chunks(1_000)) loader.add(chunk);
      const { mark } = defined(afterHistory(4).snapshot(1));
      expect(() => loader.finish(3, mark)).toThrow(expect.objectContaining({ code: 'INVALID_SNAPSHOT' }));
    });

    test('a chunk that is none is refused', () => {
      expect(() =>
        create()
          .loader()
          .add(Uint8Array.of(1, 2, 3)),
      ).toThrow(expect.objectContaining({ code: 'INVALID_SNAPSHOT' }));
    });
  });
}
