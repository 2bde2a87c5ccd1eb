import { describe, expect, test } from 'vitest';
import type { CommittedState } from '../../src/protocol/ports/state.ts';
import { type Account, EMPTY_CODE_HASH, type Hash, ZERO_HASH } from '../../src/protocol/primitives.ts';
import { createStateDiff, encodeStateDiff } from '../../src/protocol/state-diff.ts';
import { OverlayState } from '../../src/state/overlay-state.ts';
import { type Bytes, bigIntToBytes32, toHex, toKey } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';

export const ALICE: Bytes = new Uint8Array(20).fill(0xa1);
export const BOB: Bytes = new Uint8Array(20).fill(0xb0);
const CODE: Bytes = Uint8Array.of(0x60, 0x01, 0x00);

export function word(value: number): Hash {
  return bigIntToBytes32(BigInt(value));
}

export function account(nonce: number, balance: number, code?: Bytes): Account {
  return {
    nonce: BigInt(nonce),
    balance: BigInt(balance),
    codeHash: code === undefined ? EMPTY_CODE_HASH : keccak256(code),
  };
}

/** What a world state over every committed state must do. `create` makes an empty one. */
export function worldStateSuite(name: string, create: () => CommittedState): void {
  /** A committed state with Alice, who has code and slot 1 = 10. */
  function populated(): CommittedState {
    const state = create();
    const world = new OverlayState(state);
    world.putCode(CODE);
    world.setAccount(ALICE, account(1, 100, CODE));
    world.setStorage(ALICE, word(1), word(10));
    state.apply(world.takeDiff(), 1);
    return state;
  }

  describe(`${name}: reads and writes`, () => {
    test('an account that does not exist is undefined and its slots are zero', () => {
      const world = new OverlayState(create());
      expect(world.getAccount(ALICE)).toBeUndefined();
      expect(world.getStorage(ALICE, word(1))).toEqual(ZERO_HASH);
    });

    test('writes are seen above and not below', () => {
      const state = populated();
      const world = new OverlayState(state);
      world.setAccount(ALICE, account(2, 50, CODE));
      world.setStorage(ALICE, word(1), word(11));
      expect(world.getAccount(ALICE)).toEqual(account(2, 50, CODE));
      expect(world.getStorage(ALICE, word(1))).toEqual(word(11));
      expect(state.getAccount(ALICE)).toEqual(account(1, 100, CODE));
      expect(state.getStorage(ALICE, word(1))).toEqual(word(10));
    });

    test('the same array is returned for the same code', () => {
      const state = populated();
      const first = state.getCode(keccak256(CODE));
      expect(first).toEqual(CODE);
      expect(new OverlayState(state).getCode(keccak256(CODE))).toBe(first);
      expect(state.getCode(keccak256(Uint8Array.of(1)))).toBeUndefined();
    });

    test('a deleted account reads as absent, its storage as zero', () => {
      const world = new OverlayState(populated());
      world.deleteAccount(ALICE);
      expect(world.getAccount(ALICE)).toBeUndefined();
      expect(world.getStorage(ALICE, word(1))).toEqual(ZERO_HASH);
    });
  });

  describe(`${name}: journal`, () => {
    test('revert drops the writes since the newest checkpoint only', () => {
      const world = new OverlayState(populated());
      world.checkpoint();
      world.setStorage(ALICE, word(1), word(11));
      world.checkpoint();
      world.setStorage(ALICE, word(1), word(12));
      world.deleteAccount(ALICE);
      world.revert();
      expect(world.getStorage(ALICE, word(1))).toEqual(word(11));
      expect(world.getAccount(ALICE)).toEqual(account(1, 100, CODE));
      world.revert();
      expect(world.getStorage(ALICE, word(1))).toEqual(word(10));
    });

    test('an outer revert drops what an inner commit kept', () => {
      const world = new OverlayState(populated());
      world.checkpoint();
      world.checkpoint();
      world.setAccount(BOB, account(0, 5));
      world.clearStorage(ALICE);
      world.commit();
      world.revert();
      expect(world.getAccount(BOB)).toBeUndefined();
      expect(world.getStorage(ALICE, word(1))).toEqual(word(10));
    });

    test('original values are those at the start of the transaction, whatever is reverted', () => {
      const world = new OverlayState(populated());
      world.beginTransaction();
      world.checkpoint();
      world.setStorage(ALICE, word(1), word(11));
      world.setStorage(ALICE, word(1), word(12));
      world.revert();
      world.setStorage(ALICE, word(1), word(13));
      expect(world.getOriginalStorage(ALICE, word(1))).toEqual(word(10));
      world.beginTransaction();
      expect(world.getOriginalStorage(ALICE, word(1))).toEqual(word(13));
    });

    test('original values survive the deletion of the account', () => {
      const world = new OverlayState(populated());
      world.beginTransaction();
      world.deleteAccount(ALICE);
      expect(world.getOriginalStorage(ALICE, word(1))).toEqual(word(10));
    });
  });

  describe(`${name}: diffs`, () => {
    test('a diff is the net effect: what returned to its old value is absent', () => {
      const world = new OverlayState(populated());
      world.setStorage(ALICE, word(1), word(11));
      world.setStorage(ALICE, word(1), word(10));
      world.setAccount(ALICE, account(2, 100, CODE));
      world.setAccount(ALICE, account(1, 100, CODE));
      world.setStorage(ALICE, word(2), word(7));
      expect(world.takeDiff()).toEqual({ accounts: [{ address: ALICE, slots: [{ key: word(2), value: word(7) }] }], codes: [] });
    });

    test('a diff is canonical whatever the order of the writes', () => {
      const world = new OverlayState(populated());
      world.setAccount(BOB, account(0, 3));
      world.setStorage(ALICE, word(9), word(1));
      world.setStorage(ALICE, word(2), word(1));
      const diff = world.takeDiff();
      expect(diff.accounts.map((entry) => toHex(entry.address))).toEqual([toHex(ALICE), toHex(BOB)]);
      expect(diff.accounts[0]?.slots?.map((slot) => slot.key)).toEqual([word(2), word(9)]);
      expect(encodeStateDiff(createStateDiff(diff.accounts, diff.codes))).toEqual(encodeStateDiff(diff));
    });

    test('an account that ends empty is deleted; one that never existed is not mentioned', () => {
      const world = new OverlayState(populated());
      world.setAccount(ALICE, account(0, 0));
      world.setAccount(BOB, account(0, 0));
      expect(world.takeDiff()).toEqual({ accounts: [{ address: ALICE, deleted: true }], codes: [] });
      expect(world.getStorage(ALICE, word(1))).toEqual(ZERO_HASH);
    });

    test('an account deleted and made again lists its cleared slots', () => {
      const state = populated();
      const world = new OverlayState(state);
      world.deleteAccount(ALICE);
      world.setAccount(ALICE, account(5, 0));
      world.setStorage(ALICE, word(3), word(4));
      const diff = world.takeDiff();
      expect(diff.accounts).toEqual([
        {
          address: ALICE,
          nonce: 5n,
          balance: 0n,
          codeHash: EMPTY_CODE_HASH,
          slots: [
            { key: word(1), value: ZERO_HASH },
            { key: word(3), value: word(4) },
          ],
        },
      ]);
    });

    test('code is listed once, when it is new and an account refers to it', () => {
      const world = new OverlayState(populated());
      const fresh = Uint8Array.of(0x5b);
      world.putCode(CODE);
      world.putCode(fresh);
      world.putCode(Uint8Array.of(0x5c));
      world.setAccount(BOB, account(1, 0, fresh));
      expect(world.takeDiff().codes).toEqual([fresh]);
      world.setAccount(ALICE, account(1, 100, fresh));
      expect(world.takeDiff().codes).toEqual([]);
    });

    test('taken writes stay visible until and after their release', () => {
      const state = populated();
      const world = new OverlayState(state);
      world.setStorage(ALICE, word(1), word(11));
      const first = world.takeDiff();
      world.setStorage(ALICE, word(1), word(12));
      world.setAccount(BOB, account(0, 1));
      const second = world.takeDiff();
      expect(second.accounts[0]?.slots).toEqual([{ key: word(1), value: word(12) }]);
      expect(world.getStorage(ALICE, word(1))).toEqual(word(12));
      state.apply(first, 2);
      world.release();
      expect(world.getStorage(ALICE, word(1))).toEqual(word(12));
      state.apply(second, 3);
      world.release();
      expect(world.getStorage(ALICE, word(1))).toEqual(word(12));
      expect(world.getAccount(BOB)).toEqual(account(0, 1));
      expect(world.takeDiff()).toEqual({ accounts: [], codes: [] });
    });

    test('a deletion in a taken diff hides what lies below', () => {
      const world = new OverlayState(populated());
      world.deleteAccount(ALICE);
      world.takeDiff();
      expect(world.getAccount(ALICE)).toBeUndefined();
      expect(world.getStorage(ALICE, word(1))).toEqual(ZERO_HASH);
      world.setAccount(ALICE, account(0, 1));
      expect(world.takeDiff().accounts).toEqual([{ address: ALICE, balance: 1n }]);
    });
  });

  describe(`${name}: access`, () => {
    test('keys read or written are listed once, reverted ones too', () => {
      const world = new OverlayState(populated());
      world.getStorage(ALICE, word(1));
      world.checkpoint();
      world.setStorage(ALICE, word(2), word(5));
      world.setAccount(BOB, account(0, 1));
      world.revert();
      world.getStorage(ALICE, word(1));
      const { accounts } = world.takeAccess();
      expect([...accounts.keys()]).toEqual([toKey(ALICE), toKey(BOB)]);
      expect([...(accounts.get(toKey(ALICE))?.slots.values() ?? [])]).toEqual([word(1), word(2)]);
      expect(world.takeAccess().accounts.size).toBe(0);
    });

    test('codes that were read are listed by hash', () => {
      const world = new OverlayState(populated());
      world.getAccount(ALICE);
      expect(world.takeAccess().codeHashes).toEqual([]);
      world.getCode(keccak256(CODE));
      world.getCode(keccak256(CODE));
      expect(world.takeAccess().codeHashes).toEqual([keccak256(CODE)]);
    });

    test('their share of a witness grows with each new key and code, and begins anew when they are taken', () => {
      const world = new OverlayState(populated());
      world.getAccount(ALICE);
      const ofKey = world.witnessBytes;
      expect(ofKey).toBeGreaterThan(500);
      for (let i = 0; i < 2; i++) {
        world.getStorage(ALICE, word(1));
        world.setStorage(BOB, word(1), word(2));
        world.getCode(keccak256(CODE));
      }
      expect(world.witnessBytes).toBe(4 * ofKey + CODE.length);
      world.observer().getStorage(ALICE, word(3));
      world.takeAccess();
      expect(world.witnessBytes).toBe(0);
    });
  });

  describe(`${name}: the observer`, () => {
    test('sees every write and leaves no trace in the accesses', () => {
      const world = new OverlayState(populated());
      const observer = world.observer();
      const code = Uint8Array.of(1, 2, 3);
      world.setAccount(BOB, account(5, 7));
      world.setStorage(ALICE, word(1), word(99));
      const hash = world.putCode(code);
      world.takeAccess();
      expect(observer.getAccount(BOB)).toEqual(account(5, 7));
      expect(observer.getStorage(ALICE, word(1))).toEqual(word(99));
      expect(observer.getCode(hash)).toEqual(code);
      expect(world.takeAccess()).toEqual({ accounts: new Map(), codeHashes: [] });
    });
  });
}
