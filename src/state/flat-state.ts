import type { AccountUndo, CommittedState, StateEntry, StateUndo } from '../protocol/ports/state.ts';
import { type Account, type Address, EMPTY_CODE_HASH, type Hash, ZERO_HASH } from '../protocol/primitives.ts';
import {
  type AccountDiff,
  codesByHash,
  isClearedSlot,
  isEmptyAccount,
  type SlotDiff,
  type StateDiff,
} from '../protocol/state-diff.ts';
import { type Bytes, fromKey, toHex, toKey } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import type { KeyedState } from './keyed-state.ts';
import { OverlayState } from './overlay-state.ts';

/** What an account that does not exist reads as. */
export const ABSENT_ACCOUNT: Account = { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };

const EMPTY_CODE_KEY = toKey(EMPTY_CODE_HASH);

/**
 * Flat state in hash maps. Bytes from diffs are copied in: a decoded diff is made of views, and one slot must not keep
 * a whole payload alive.
 */
export class FlatState implements CommittedState, KeyedState {
  readonly #accounts = new Map<string, Account>();
  /** Slots that are not zero; an account without any has no entry. */
  readonly #storage = new Map<string, Map<string, Hash>>();
  /** The same array for the same hash. */
  readonly #codes = new Map<string, Bytes>();
  /** Codes that a diff made known, by what undoes it. */
  readonly #newCodes = new WeakMap<StateUndo, readonly string[]>();

  /** A state from a full listing (a snapshot), which may hold what no diff can say: EIP-161-empty accounts. */
  static from(entries: Iterable<StateEntry>, codes: Iterable<Bytes>): FlatState {
    const state = new FlatState();
    for (const code of codes) state.#addCode(toKey(keccak256(code)), code);
    for (const { address, account, slots } of entries) {
      const key = toKey(address);
      state.#accounts.set(key, { ...account, codeHash: new Uint8Array(account.codeHash) });
      for (const slot of slots) state.#writeSlot(key, slot);
    }
    return state;
  }

  getAccount(address: Address): Account | undefined {
    return this.#accounts.get(toKey(address));
  }

  getStorage(address: Address, key: Hash): Hash {
    return this.slotAt(toKey(address), toKey(key)) ?? ZERO_HASH;
  }

  getCode(codeHash: Hash): Bytes | undefined {
    return this.#codes.get(toKey(codeHash));
  }

  accountAt(accountKey: string): Account | undefined {
    return this.#accounts.get(accountKey);
  }

  slotAt(accountKey: string, slotKey: string): Hash | undefined {
    return this.#storage.get(accountKey)?.get(slotKey);
  }

  slotsAt(accountKey: string): ReadonlyMap<string, Hash> | undefined {
    return this.#storage.get(accountKey);
  }

  apply(diff: StateDiff): StateUndo {
    const codes = codesByHash(diff);
    for (const account of diff.accounts) this.#assertApplicable(account, codes);
    const newCodes = [...codes.keys()].filter((key) => !this.#codes.has(key));
    for (const [key, code] of codes) this.#addCode(key, code);
    const undo: StateUndo = { accounts: diff.accounts.map((account) => this.#applyAccount(account)) };
    if (newCodes.length > 0) this.#newCodes.set(undo, newCodes);
    return undo;
  }

  undo(undo: StateUndo): void {
    for (const { address, before, slots } of undo.accounts) {
      const key = toKey(address);
      if (before === undefined) this.#accounts.delete(key);
      else this.#accounts.set(key, before);
      for (const slot of slots) this.#writeSlot(key, slot);
    }
    // A diff lists codes new to the chain: executed again on this state it must list the same ones.
    for (const key of this.#newCodes.get(undo) ?? []) this.#codes.delete(key);
  }

  *entries(): Iterable<StateEntry> {
    for (const [key, account] of this.#accounts) {
      yield { address: fromKey(key), account, slots: listSlots(this.#storage.get(key)) };
    }
  }

  overlay(): OverlayState {
    return new OverlayState(this);
  }

  #assertApplicable(diff: AccountDiff, newCodes: ReadonlyMap<string, Bytes>): void {
    const before = this.#accounts.get(toKey(diff.address));
    if (diff.deleted) {
      if (before === undefined) throw notApplicable(diff, 'the account to delete does not exist');
      return;
    }
    if (isEmptyAccount(mergeAccount(before, diff))) {
      throw notApplicable(diff, 'the account does not exist, or ends empty without being deleted');
    }
    if (diff.codeHash === undefined) return;
    const codeKey = toKey(diff.codeHash);
    if (codeKey !== EMPTY_CODE_KEY && !this.#codes.has(codeKey) && !newCodes.has(codeKey)) {
      throw notApplicable(diff, 'its code is not known');
    }
  }

  #applyAccount(diff: AccountDiff): AccountUndo {
    const key = toKey(diff.address);
    const before = this.#accounts.get(key);
    const address = fromKey(key);
    if (diff.deleted) {
      const slots = [...listSlots(this.#storage.get(key))];
      this.#accounts.delete(key);
      this.#storage.delete(key);
      return { address, before, slots };
    }
    this.#accounts.set(key, mergeAccount(before, diff));
    const slots = (diff.slots ?? []).map((slot) => this.#writeSlot(key, slot));
    return { address, before, slots };
  }

  /** Returns what undoes the write. */
  #writeSlot(accountKey: string, slot: SlotDiff): SlotDiff {
    const slotKey = toKey(slot.key);
    let slots = this.#storage.get(accountKey);
    const before = slots?.get(slotKey) ?? ZERO_HASH;
    if (isClearedSlot(slot)) {
      slots?.delete(slotKey);
      if (slots?.size === 0) this.#storage.delete(accountKey);
    } else {
      if (slots === undefined) {
        slots = new Map();
        this.#storage.set(accountKey, slots);
      }
      slots.set(slotKey, new Uint8Array(slot.value));
    }
    return { key: fromKey(slotKey), value: before };
  }

  #addCode(key: string, code: Bytes): void {
    if (!this.#codes.has(key)) this.#codes.set(key, new Uint8Array(code));
  }
}

/** The account after `diff`; absent fields stay as they were. */
export function mergeAccount(before: Account | undefined, diff: AccountDiff): Account {
  const base = before ?? ABSENT_ACCOUNT;
  return {
    nonce: diff.nonce ?? base.nonce,
    balance: diff.balance ?? base.balance,
    codeHash: diff.codeHash === undefined ? base.codeHash : new Uint8Array(diff.codeHash),
  };
}

function listSlots(slots: ReadonlyMap<string, Hash> | undefined): Iterable<SlotDiff> {
  return {
    *[Symbol.iterator]() {
      for (const [key, value] of slots ?? []) yield { key: fromKey(key), value };
    },
  };
}

function notApplicable(diff: AccountDiff, reason: string): StrobeError<'STATE_DIFF_NOT_APPLICABLE'> {
  return new StrobeError('STATE_DIFF_NOT_APPLICABLE', `state diff of ${toHex(diff.address)}: ${reason}`, {
    address: toHex(diff.address),
  });
}
