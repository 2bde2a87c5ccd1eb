import { describe, expect, test } from 'vitest';
import { rowDiffOf } from '../../src/protocol/compact-diff/row-conversion.ts';
import { EMPTY_CODE_HASH, ZERO_HASH } from '../../src/protocol/primitives.ts';
import { ROW_BALANCE, type RowDiff } from '../../src/protocol/row-diff.ts';
import type { StateDiff } from '../../src/protocol/state-diff.ts';
import { bigIntToBytes32, compareBytes, concatBytes } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { defined } from '../support/defined.ts';
import { netDiffOf } from '../support/net-diffs.ts';
import { RegistryModel } from '../support/registry-model.ts';
import { listRows, listState, type RestorableState } from '../support/state-listing.ts';
import { ALICE, BOB, CAROL, CODE, diffOf, GENESIS, OTHER_CODE, slots, word } from './committed-state-fixture.ts';

const DELEGATION = Uint8Array.of(0xef, 0x01, 0x00, ...ALICE);
const NOT_APPLICABLE = expect.objectContaining({ code: 'STATE_DIFF_NOT_APPLICABLE' });

/** What every committed state must do. `create` makes an empty one. */
export function committedStateSuite(name: string, create: () => RestorableState): void {
  function populated(): RestorableState {
    const state = create();
    state.apply(GENESIS, 0);
    return state;
  }

  describe(`${name}: reads`, () => {
    test('an empty state has nothing', () => {
      const state = create();
      expect(state.getAccount(ALICE)).toBeUndefined();
      expect(state.getStorage(ALICE, word(1))).toEqual(ZERO_HASH);
      expect([...state.storageOf(ALICE)]).toEqual([]);
      expect([...state.entries()]).toEqual([]);
      expect(state.mark()).toEqual({ accounts: 0, slots: 0, digest: ZERO_HASH });
      expect(state.rows.accountRow(ALICE)).toBe(-1);
    });

    test('what was applied is read back', () => {
      const state = populated();
      expect(state.getAccount(ALICE)).toEqual({ nonce: 1n, balance: 100n, codeHash: keccak256(CODE) });
      expect(state.getAccount(BOB)).toEqual({ nonce: 0n, balance: 2n ** 200n, codeHash: EMPTY_CODE_HASH });
      expect(state.getAccount(CAROL)).toBeUndefined();
      expect(state.getStorage(ALICE, word(2))).toEqual(word(20));
      expect(state.getStorage(BOB, word(2))).toEqual(ZERO_HASH);
      expect([...state.storageOf(ALICE)].sort((a, b) => compareBytes(a.key, b.key))).toEqual(slots([1, 10], [2, 20]));
      expect([...state.entries()].map((entry) => entry.address).sort(compareBytes)).toEqual([ALICE, BOB]);
    });

    test('numbers of every length are kept exactly', () => {
      const state = create();
      const values = [
        1n,
        2n ** 31n,
        2n ** 32n,
        2n ** 63n,
        2n ** 64n - 1n,
        2n ** 64n,
        2n ** 128n + 5n,
        2n ** 192n,
        2n ** 256n - 1n,
      ];
      values.forEach((value, i) => {
        const address = word(i + 1).subarray(12);
        const nonce = value & (2n ** 64n - 1n);
        const slot = { key: bigIntToBytes32(value), value: bigIntToBytes32(value) };
        state.apply(diffOf([{ address, nonce, balance: value, slots: [slot] }]), i);
        expect(state.getAccount(address)).toMatchObject({ nonce, balance: value });
        expect(state.getStorage(address, slot.key)).toEqual(slot.value);
        expect(state.rows.nonceOf(i)).toBe(nonce);
      });
    });

    test('the same array is returned for the same code, and none for the empty code', () => {
      const state = populated();
      const code = state.getCode(keccak256(CODE));
      expect(code).toEqual(CODE);
      expect(state.getCode(keccak256(CODE))).toBe(code);
      expect(state.getCode(EMPTY_CODE_HASH)).toBeUndefined();
      expect(state.getCode(word(1))).toBeUndefined();
    });

    test('bytes of a diff may change after it was applied', () => {
      const code = new Uint8Array(CODE);
      const account = { address: new Uint8Array(ALICE), nonce: 1n, codeHash: keccak256(code), slots: slots([1, 10]) };
      const state = create();
      state.apply(diffOf([account], [code]), 0);
      for (const bytes of [code, account.address, account.codeHash, defined(account.slots[0]).value]) bytes.fill(7);
      expect(state.getAccount(ALICE)?.codeHash).toEqual(keccak256(CODE));
      expect(state.getCode(keccak256(CODE))).toEqual(CODE);
      expect(state.getStorage(ALICE, word(1))).toEqual(word(10));
    });
  });

  describe(`${name}: changes`, () => {
    test('fields that a diff does not list stay', () => {
      const state = populated();
      state.apply(diffOf([{ address: ALICE, nonce: 2n, slots: slots([1, 11]) }]), 1);
      expect(state.getAccount(ALICE)).toEqual({ nonce: 2n, balance: 100n, codeHash: keccak256(CODE) });
      expect([...state.storageOf(ALICE)].sort((a, b) => compareBytes(a.key, b.key))).toEqual(slots([1, 11], [2, 20]));
    });

    test('a deleted account takes its storage along, and comes back empty', () => {
      const state = populated();
      state.apply(diffOf([{ address: ALICE, deleted: true }]), 1);
      expect(state.getAccount(ALICE)).toBeUndefined();
      expect(state.getStorage(ALICE, word(1))).toEqual(ZERO_HASH);
      expect(listState(state)).toHaveLength(1);
      expect(state.getCode(keccak256(CODE))).toEqual(CODE);
      state.apply(diffOf([{ address: ALICE, balance: 7n, slots: slots([2, 5]) }]), 2);
      expect(state.getAccount(ALICE)).toEqual({ nonce: 0n, balance: 7n, codeHash: EMPTY_CODE_HASH });
      expect([...state.storageOf(ALICE)]).toEqual(slots([2, 5]));
    });

    test('a delegation is put on and taken off again (EIP-7702)', () => {
      const state = populated();
      state.apply(diffOf([{ address: BOB, nonce: 1n, codeHash: keccak256(DELEGATION) }], [DELEGATION]), 1);
      expect(state.getAccount(BOB)?.codeHash).toEqual(keccak256(DELEGATION));
      state.apply(diffOf([{ address: BOB, nonce: 2n, codeHash: EMPTY_CODE_HASH }]), 2);
      expect(state.getAccount(BOB)?.codeHash).toEqual(EMPTY_CODE_HASH);
      expect(state.getCode(keccak256(DELEGATION))).toEqual(DELEGATION);
    });

    test('a number may be left out, and an empty diff is a mini-block too', () => {
      const state = populated();
      state.apply(diffOf([]), 5);
      expect([state.number, state.floor]).toEqual([5, -1]);
      expect(() => state.apply(diffOf([]), 5)).toThrow('ascending');
      expect(state.at(3)).toBeDefined();
    });

    const refused: { reason: string; diff: StateDiff }[] = [
      { reason: 'deletes a missing account', diff: diffOf([{ address: CAROL, deleted: true }]) },
      { reason: 'writes storage of a missing account', diff: diffOf([{ address: CAROL, slots: slots([1, 1]) }]) },
      { reason: 'makes an empty account', diff: diffOf([{ address: CAROL, nonce: 0n, balance: 0n }]) },
      { reason: 'empties an account without deleting it', diff: diffOf([{ address: BOB, balance: 0n }]) },
      { reason: 'refers to unknown code', diff: diffOf([{ address: CAROL, nonce: 1n, codeHash: word(99) }]) },
      { reason: 'lists an account without a change', diff: diffOf([{ address: ALICE }]) },
      { reason: 'lists an empty code', diff: diffOf([], [new Uint8Array(0)]) },
      { reason: 'is not sorted', diff: { accounts: [...GENESIS.accounts].reverse(), codes: [] } },
      { reason: 'lists a slot twice', diff: diffOf([{ address: ALICE, slots: slots([3, 1], [3, 2]) }]) },
      { reason: 'changes what it deletes', diff: diffOf([{ address: ALICE, deleted: true, slots: slots([1, 1]) }]) },
    ];
    test.each(refused)('a diff that $reason is refused and changes nothing', ({ diff }) => {
      const state = populated();
      const before = [listState(state), listRows(state.rows), state.mark(), state.number];
      // What comes first is right: nothing of it is kept.
      const fresh = { address: new Uint8Array(20), nonce: 1n, slots: slots([1, 1]) };
      const codes = diff.codes.length > 0 ? diff.codes : [OTHER_CODE];
      expect(() => state.apply({ accounts: [fresh, ...diff.accounts], codes }, 1)).toThrow(NOT_APPLICABLE);
      expect([listState(state), listRows(state.rows), state.mark(), state.number]).toEqual(before);
      expect(state.getCode(keccak256(OTHER_CODE))).toBeUndefined();
      expect(state.at(0)).toBeDefined();
    });
  });

  describe(`${name}: rows`, () => {
    test('rows and digest are those of PROTOCOL section 4', () => {
      const model = new RegistryModel();
      const state = create();
      const diffs = [
        GENESIS,
        diffOf([
          { address: CAROL, nonce: 1n, slots: slots([7, 1], [9, 1]) },
          { address: ALICE, slots: slots([0, 3], [1, 0]) },
        ]),
        diffOf([{ address: ALICE, deleted: true }]),
        diffOf([
          { address: ALICE, nonce: 1n, slots: slots([1, 1], [8, 1]) },
          { address: CAROL, slots: slots([8, 1]) },
        ]),
      ];
      diffs.forEach((diff, number) => {
        state.apply(diff, number);
        model.commit(diff);
        expect(state.mark()).toEqual({ accounts: model.accounts.length, slots: model.slots.length, digest: model.digest });
      });
      expect([ALICE, BOB, CAROL].map((address) => state.rows.accountRow(address))).toEqual([0, 1, 2]);
      const ids = model.slots.map(({ accountId, key }) => `slot ${accountId} ${key}`);
      expect(
        listRows(state.rows)
          .slice(3)
          .map((row, i) => row.slice(0, ids[i]?.length)),
      ).toEqual(ids);
    });

    test('a row is read by its number', () => {
      const { rows } = populated();
      expect([rows.accountCount, rows.slotCount]).toEqual([2, 2]);
      const row = rows.slotRow(rows.accountRow(ALICE), word(2));
      const bytes = new Uint8Array(70).fill(9);
      rows.readSlotKey(row, bytes, 1);
      rows.readSlotValue(row, bytes, 33);
      expect(bytes.subarray(0, 66)).toEqual(Uint8Array.of(9, ...word(2), ...word(20).reverse(), 9));
      expect(rows.slotAccount(row)).toBe(rows.accountRow(ALICE));
      expect(rows.slotRow(rows.accountRow(BOB), word(2))).toBe(-1);
      rows.readBalance(rows.accountRow(BOB), bytes, 0);
      expect(bytes.subarray(0, 32)).toEqual(bigIntToBytes32(2n ** 200n).reverse());
      rows.readAddress(rows.accountRow(BOB), bytes, 0);
      expect(bytes.subarray(0, 20)).toEqual(BOB);
      expect(rows.nonceOf(rows.accountRow(ALICE))).toBe(1n);
    });

    test('rows of many keys are those of each', () => {
      const { rows } = populated();
      const addresses = [BOB, CAROL, ALICE, BOB];
      const found = new Int32Array(5).fill(7);
      rows.accountRows(concatBytes(...addresses), 4, found);
      expect([...found]).toEqual([...addresses.map((address) => rows.accountRow(address)), 7]);
      const slotsOf = [rows.accountRow(ALICE), rows.accountRow(BOB), rows.accountCount, rows.accountRow(ALICE)];
      const keys = [word(2), word(2), word(2), word(99)];
      rows.slotRows(Uint32Array.from(slotsOf), concatBytes(...keys), 4, found);
      expect([...found]).toEqual([rows.slotRow(rows.accountRow(ALICE), word(2)), -1, -1, -1, 7]);
      rows.accountRows(new Uint8Array(0), 0, found);
      rows.slotRows(new Uint32Array(0), new Uint8Array(0), 0, found);
    });

    test('fields of many rows are those of each, and what would come of rows that there are not stays', () => {
      const { rows } = populated();
      const [absent, wanted] = [9n ** 19n, Uint32Array.of(1, rows.accountCount, 0, 1)];
      const nonces = new BigUint64Array(4).fill(absent);
      rows.readNonces(wanted, nonces);
      expect([...nonces]).toEqual([rows.nonceOf(1), absent, rows.nonceOf(0), rows.nonceOf(1)]);
      const owners = new Uint32Array(4).fill(7);
      rows.readSlotAccounts(wanted, owners);
      expect([...owners]).toEqual([rows.slotAccount(1), 7, rows.slotAccount(0), rows.slotAccount(1)]);
      const fields = [
        [5, 'readAddress', 'readAddresses'],
        [8, 'readBalance', 'readBalances'],
        [8, 'readSlotKey', 'readSlotKeys'],
        [8, 'readSlotValue', 'readSlotValues'],
      ] as const;
      for (const [words, readOne, readMany] of fields) {
        const many = new Uint32Array(4 * words).fill(0x07070707);
        rows[readMany](wanted, many);
        const each = new Uint8Array(4 * words * 4).fill(7);
        for (const [i, row] of [1, undefined, 0, 1].entries()) {
          if (row !== undefined) rows[readOne](row, each, i * words * 4);
        }
        expect(new Uint8Array(many.buffer), readMany).toEqual(each);
      }
    });

    test('what is gone keeps its row and reads as zero', () => {
      const state = populated();
      state.apply(diffOf([{ address: ALICE, deleted: true }]), 1);
      const row = state.rows.accountRow(ALICE);
      const value = new Uint8Array(32).fill(1);
      state.rows.readSlotValue(state.rows.slotRow(row, word(1)), value, 0);
      expect([row, state.rows.nonceOf(row), value]).toEqual([0, 0n, ZERO_HASH]);
    });
  });

  describe(`${name}: diffs by row`, () => {
    const next = diffOf(
      [
        { address: CAROL, nonce: 1n, codeHash: keccak256(OTHER_CODE), slots: slots([5, 1], [6, 2]) },
        { address: ALICE, balance: 3n, slots: slots([1, 0], [3, 30]) },
        { address: BOB, deleted: true },
      ],
      [OTHER_CODE],
    );

    test('they do what the canonical diff does', () => {
      const [byKey, byRow] = [populated(), populated()];
      byKey.apply(next, 1);
      byRow.applyRows(rowDiffOf(next, byRow.rows), 1);
      expect(listState(byRow)).toEqual(listState(byKey));
      expect(listRows(byRow.rows)).toEqual(listRows(byKey.rows));
      expect(byRow.mark()).toEqual(byKey.mark());
      expect(netDiffOf(byRow, 0, 1)).toEqual(next);
    });

    const with_ = <Column extends Uint8Array | Uint32Array>(column: Column, at: number, value: number): Column => {
      const changed = column.slice() as Column;
      changed[at] = value;
      return changed;
    };
    const swapped = (column: Uint32Array): Uint32Array => column.slice().reverse();
    const wrong: { what: string; change: (diff: RowDiff) => Partial<RowDiff> }[] = [
      { what: 'account base', change: (diff) => ({ accountBase: diff.accountBase + 1 }) },
      { what: 'slot base', change: (diff) => ({ slotBase: diff.slotBase - 1 }) },
      { what: 'account row', change: (diff) => ({ accountRows: with_(diff.accountRows, 1, 3) }) },
      { what: 'huge account row', change: (diff) => ({ accountRows: with_(diff.accountRows, 1, 2 ** 32 - 1) }) },
      { what: 'order of the accounts', change: (diff) => ({ accountRows: swapped(diff.accountRows) }) },
      { what: 'slot row', change: (diff) => ({ slotRows: with_(diff.slotRows, 0, 5) }) },
      { what: 'huge slot row', change: (diff) => ({ slotRows: with_(diff.slotRows, 0, 2 ** 32 - 1) }) },
      { what: 'repeated slot row', change: (diff) => ({ slotRows: with_(diff.slotRows, 2, diff.slotRows[3] as number) }) },
      { what: 'order of the slots', change: (diff) => ({ slotRows: swapped(diff.slotRows) }) },
      { what: 'new address that is known', change: () => ({ newAddresses: ALICE }) },
      { what: 'new slot that is known', change: (diff) => ({ newSlotKeys: with_(diff.newSlotKeys, 31, 2) }) },
      { what: 'account of a new slot', change: (diff) => ({ newSlotAccounts: with_(diff.newSlotAccounts, 0, 1) }) },
      { what: 'huge account of a new slot', change: (diff) => ({ newSlotAccounts: with_(diff.newSlotAccounts, 2, 2 ** 31) }) },
      { what: 'unknown flag', change: (diff) => ({ accountFlags: with_(diff.accountFlags, 0, 16 | ROW_BALANCE) }) },
      { what: 'deletion of an account with slots', change: (diff) => ({ accountFlags: with_(diff.accountFlags, 0, 8) }) },
      { what: 'deletion with a nonce', change: (diff) => ({ accountFlags: with_(diff.accountFlags, 2, 9) }) },
      { what: 'account without change', change: (diff) => ({ accountFlags: with_(diff.accountFlags, 2, 0) }) },
      { what: 'unknown code', change: (diff) => ({ codeHashes: with_(diff.codeHashes, 0, 0) }) },
      { what: 'missing code', change: () => ({ codes: [] }) },
    ];
    test.each(wrong)('a wrong $what is refused and changes nothing', ({ change }) => {
      const state = populated();
      const diff = rowDiffOf(next, state.rows);
      const before = [listState(state), listRows(state.rows), state.mark(), state.number];
      expect(() => state.applyRows({ ...diff, ...change(diff) }, 1)).toThrow(NOT_APPLICABLE);
      expect([listState(state), listRows(state.rows), state.mark(), state.number]).toEqual(before);
      state.applyRows(diff, 1);
      expect(state.getAccount(BOB)).toBeUndefined();
    });
  });
}
