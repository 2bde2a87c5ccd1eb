import type { Bytes } from '../../util/bytes.ts';
import type { Account, Address, Hash } from '../primitives.ts';
import type { RowDiff, StateRows } from '../row-diff.ts';
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

export interface StateEntry {
  readonly address: Address;
  readonly account: Account;
  readonly slots: Iterable<SlotDiff>;
}

/** State at one point of the chain. */
export interface StateView extends StateReader {
  /** The slots of an account that are not zero, in no particular order. */
  storageOf(address: Address): Iterable<SlotDiff>;
}

/** Length of the registry at one moment (PROTOCOL section 4). */
export interface RegistryMark {
  readonly accounts: number;
  readonly slots: number;
  readonly digest: Hash;
}

/**
 * Flat state of the durable head: rows change only when a mini-block is committed (PROTOCOL section 8). It keeps the
 * old values of the newest mini-blocks, so that they can be undone, composed, and read as they were.
 *
 * Accounts and slots are numbered in the order of their first commit, accounts of a mini-block by address and then its
 * slots by account number and key; a rollback forgets the numbers that it takes back.
 */
export interface CommittedState extends StateView {
  readonly rows: StateRows;
  mark(): RegistryMark;
  /** The newest mini-block applied. */
  readonly number: number;
  /** Old values reach back to the end of this mini-block; never above {@link CommittedState.number}. */
  readonly floor: number;
  /**
   * Applies the canonical diff of mini-block `number` whole; numbers ascend, 0 is genesis.
   * @throws StrobeError STATE_DIFF_NOT_APPLICABLE when an account or code it builds on is missing; nothing is changed
   */
  apply(diff: StateDiff, number: number): void;
  /** As {@link CommittedState.apply}, for a diff that was decoded against this state as it is now. */
  applyRows(diff: RowDiff, number: number): void;
  /**
   * Undoes every mini-block above `number`; codes that they brought are unknown again.
   * @throws StrobeError ROLLBACK_BELOW_FLOOR; nothing is changed
   */
  rollback(number: number): void;
  /** Forgets old values up to the end of mini-block `number`: the floor is at least that. */
  release(number: number): void;
  /**
   * Canonical bytes of the net change from the end of mini-block `from` to that of `to`; its codes are those that the
   * mini-blocks brought. Undefined when `from` is below the floor.
   */
  netDiff(from: number, to: number): Bytes | undefined;
  /** State at the end of mini-block `number`, as long as the floor is not above it; undefined when it is already. */
  at(number: number): StateView | undefined;
  /** Every account with its storage, in no particular order. */
  entries(): Iterable<StateEntry>;
}

/** Canonical bytes of a net diff, and their digest. */
export interface NetDiff {
  readonly bytes: Bytes;
  readonly digest: Hash;
}

/** Composes net diffs beside its caller. */
export interface NetDiffComposer {
  /**
   * As {@link CommittedState.netDiff}; mini-blocks may be applied and undone meanwhile.
   * @throws StrobeError STATE_FORGOTTEN when old values do not reach back to `from`, or `to` was undone
   */
  compose(from: number, to: number): Promise<NetDiff>;
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
  /** Bytes that a witness of what was accessed since then takes, somewhat more rather than less. */
  readonly witnessBytes: number;
  /** Reads the same values without counting as access: for those who look and do not execute. */
  observer(): StateReader;
}
