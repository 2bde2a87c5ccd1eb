import type { Bytes } from '../../util/bytes.ts';
import type { Account, Address, Hash } from '../primitives.ts';
import type { SlotDiff, StateDiff } from '../state-diff.ts';

/** Synchronous reads of flat state. */
export interface StateReader {
  /** Undefined: the account does not exist. */
  getAccount(address: Address): Account | undefined;
  /** 32 bytes, zero when the slot was never written. */
  getStorage(address: Address, key: Hash): Hash;
  /** Undefined: no such code is known. The same array is returned for the same hash. */
  getCode(codeHash: Hash): Bytes | undefined;
}

/** Values before a diff was applied: what undoes it. */
export interface StateUndo {
  readonly accounts: readonly AccountUndo[];
}

export interface AccountUndo {
  readonly address: Address;
  /** Undefined: the account did not exist. */
  readonly before: Account | undefined;
  /** Old values of the slots that changed (all slots of a deleted account). */
  readonly slots: readonly SlotDiff[];
}

export interface StateEntry {
  readonly address: Address;
  readonly account: Account;
  readonly slots: Iterable<SlotDiff>;
}

/** State at one point of the chain. */
export interface StateView extends StateReader {
  /** A journalled view whose writes do not reach this state. */
  overlay(): WorldState;
}

/** Flat state of the durable head: rows change only when a mini-block is committed (PROTOCOL section 8). */
export interface CommittedState extends StateView {
  /**
   * Applies a canonical diff whole and says how to undo it.
   * @throws StrobeError STATE_DIFF_NOT_APPLICABLE when an account or code it builds on is missing; nothing is changed
   */
  apply(diff: StateDiff): StateUndo;
  /** Undoes the diff that was applied last, given what applying it returned; codes that it brought are unknown again. */
  undo(undo: StateUndo): void;
  /** Every account with its storage, in no particular order. */
  entries(): Iterable<StateEntry>;
}

/** Keys that an execution read or wrote: what its witness must prove. */
export interface StateAccess {
  readonly accounts: ReadonlyMap<string, AccountAccess>;
  /** Hashes of the codes that were read. */
  readonly codeHashes: readonly Hash[];
}

export interface AccountAccess {
  readonly address: Address;
  /** Slot keys by their hex without prefix. */
  readonly slots: ReadonlyMap<string, Hash>;
}

/** State as an execution engine sees it: committed state below, journalled writes above. */
export interface WorldState extends StateReader {
  setAccount(address: Address, account: Account): void;
  /** Removes the account and its storage. */
  deleteAccount(address: Address): void;
  setStorage(address: Address, key: Hash, value: Hash): void;
  clearStorage(address: Address): void;
  /** Makes code known and returns its hash; linking it to an account is {@link WorldState.setAccount}'s. */
  putCode(code: Bytes): Hash;
  /** The slot's value when the transaction began (EIP-2200). */
  getOriginalStorage(address: Address, key: Hash): Hash;

  /** Starts a transaction: from here on current values are the original ones. */
  beginTransaction(): void;
  checkpoint(): void;
  /** Keeps the writes since the newest checkpoint. */
  commit(): void;
  /** Drops the writes since the newest checkpoint. */
  revert(): void;

  /**
   * Net changes since the last call, canonical; an account that ended EIP-161-empty is `deleted`. They stay visible
   * here until {@link WorldState.release}, so that the next mini-block can be executed while this one becomes durable.
   */
  takeDiff(): StateDiff;
  /** Says that the oldest taken diff has been applied to the committed state below. */
  release(): void;
  /** Keys accessed since the last call. */
  takeAccess(): StateAccess;
  /** Reads the same values without counting as access: for those who look and do not execute. */
  observer(): StateReader;
}
