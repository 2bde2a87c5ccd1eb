import { MerkleStateManager } from '@ethereumjs/statemanager';
import type { Account as LibraryAccount, Address as LibraryAddress } from '@ethereumjs/util';
import { type Account, EMPTY_CODE_HASH, type Hash, ZERO_HASH } from '../../../src/protocol/primitives.ts';
import {
  type AccountDiff,
  createStateDiff,
  isEmptyAccount,
  type SlotDiff,
  type StateDiff,
  sortSlots,
} from '../../../src/protocol/state-diff.ts';
import { type Bytes, bytesEqual, fromKey, padTo32, toKey } from '../../../src/util/bytes.ts';

interface KnownAccount {
  readonly account: Account;
  readonly slots: Map<string, Hash>;
}

/** The library's state manager, which says after each block what changed, in the form that Strobe sends. */
export class RecordingStateManager extends MerkleStateManager {
  /** State at the end of the last block. */
  readonly #known = new Map<string, KnownAccount>();
  readonly #knownCodes = new Set<string>();
  /**
   * Accounts that ended a block with neither nonce nor balance nor code, but perhaps with storage: before EIP-161 there were
   * such, and nothing of Strobe but its trie can hold them.
   */
  readonly emptyAccounts = new Set<string>();
  /** Written since then: slots by account. */
  readonly #touched = new Map<string, { readonly address: LibraryAddress; readonly slots: Set<string> }>();

  override putAccount(address: LibraryAddress, account: LibraryAccount | undefined): Promise<void> {
    this.#touch(address);
    return super.putAccount(address, account);
  }

  override deleteAccount(address: LibraryAddress): Promise<void> {
    this.#touch(address);
    return super.deleteAccount(address);
  }

  override putStorage(address: LibraryAddress, key: Uint8Array, value: Uint8Array): Promise<void> {
    this.#touch(address).add(toKey(key));
    return super.putStorage(address, key, value);
  }

  override clearStorage(address: LibraryAddress): Promise<void> {
    this.#touch(address);
    return super.clearStorage(address);
  }

  /** What changed since the last call. */
  async takeDiff(): Promise<StateDiff> {
    const accounts: AccountDiff[] = [];
    const codes: Bytes[] = [];
    for (const { address, slots } of this.#touched.values()) {
      const diff = await this.#diffOf(address, slots);
      if (diff === undefined) continue;
      accounts.push(diff);
      const { codeHash } = diff;
      if (codeHash === undefined || bytesEqual(codeHash, EMPTY_CODE_HASH) || this.#knownCodes.has(toKey(codeHash))) continue;
      this.#knownCodes.add(toKey(codeHash));
      codes.push(await this.getCode(address));
    }
    this.#touched.clear();
    return createStateDiff(accounts, codes);
  }

  #touch(address: LibraryAddress): Set<string> {
    const key = toKey(address.bytes);
    const touched = this.#touched.get(key) ?? { address, slots: new Set() };
    this.#touched.set(key, touched);
    return touched.slots;
  }

  async #diffOf(address: LibraryAddress, touchedSlots: ReadonlySet<string>): Promise<AccountDiff | undefined> {
    const key = toKey(address.bytes);
    const before = this.#known.get(key);
    const now = await this.getAccount(address);
    if (now === undefined) {
      this.#known.delete(key);
      return before === undefined ? undefined : { address: address.bytes, deleted: true };
    }
    const account: Account = { nonce: now.nonce, balance: now.balance, codeHash: now.codeHash };
    if (isEmptyAccount(account)) this.emptyAccounts.add(key);
    const slots = before?.slots ?? new Map<string, Hash>();
    const changed: SlotDiff[] = [];
    // Slots that were there are asked for, too: the account may have been made anew.
    for (const slot of new Set([...touchedSlots, ...slots.keys()])) {
      const value = padTo32(await this.getStorage(address, fromKey(slot)));
      if (bytesEqual(value, slots.get(slot) ?? ZERO_HASH)) continue;
      changed.push({ key: fromKey(slot), value });
      if (bytesEqual(value, ZERO_HASH)) slots.delete(slot);
      else slots.set(slot, value);
    }
    this.#known.set(key, { account, slots });
    return changesOf(address.bytes, before?.account, account, changed);
  }
}

/** Undefined: nothing changed. */
function changesOf(
  address: Bytes,
  before: Account | undefined,
  { nonce, balance, codeHash }: Account,
  slots: readonly SlotDiff[],
): AccountDiff | undefined {
  const diff: AccountDiff = {
    address,
    ...(nonce !== (before?.nonce ?? 0n) && { nonce }),
    ...(balance !== (before?.balance ?? 0n) && { balance }),
    ...(!bytesEqual(codeHash, before?.codeHash ?? EMPTY_CODE_HASH) && { codeHash }),
    ...(slots.length > 0 && { slots: sortSlots(slots) }),
  };
  if (Object.keys(diff).length > 1) return diff;
  // An account without anything (before EIP-161) says with this that it is there.
  return before === undefined ? { address, nonce } : undefined;
}
