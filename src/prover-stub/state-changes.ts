import { type Account, type Address, EMPTY_CODE_HASH, type Hash } from '../protocol/primitives.ts';
import { type AccountDiff, isEmptyAccount, type SlotDiff, sortSlots } from '../protocol/state-diff.ts';
import { bytesEqual, toKey } from '../util/bytes.ts';

/** What an account was when it was first written in a period. */
interface AccountBefore {
  readonly address: Address;
  readonly account: Account | undefined;
  /** Values of its written slots, by the hex of their keys. */
  readonly slots: Map<string, { readonly key: Hash; readonly value: Hash }>;
}

/** Reads of the state at the end of a period. */
export interface CurrentState {
  account(address: Address): Promise<Account | undefined>;
  /** 32 bytes, zero when the slot is not set. */
  slot(address: Address, key: Hash): Promise<Hash>;
}

const ABSENT: Account = { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };

/**
 * Values from before a period (a mini-block or a block), of every key written in it. Reverted writes are noted too and
 * fall away when the net change is taken.
 */
export class StateChanges {
  readonly #before = new Map<string, AccountBefore>();

  hasAccount(address: Address): boolean {
    return this.#before.has(toKey(address));
  }

  noteAccount(address: Address, account: Account | undefined): void {
    this.#before.set(toKey(address), { address, account, slots: new Map() });
  }

  hasSlot(address: Address, key: Hash): boolean {
    return this.#before.get(toKey(address))?.slots.has(toKey(key)) ?? false;
  }

  /** The account must have been noted. */
  noteSlot(address: Address, key: Hash, value: Hash): void {
    this.#before.get(toKey(address))?.slots.set(toKey(key), { key, value });
  }

  /** Net changes of the period (PROTOCOL section 3), unsorted; codes are the caller's. */
  async net(current: CurrentState): Promise<AccountDiff[]> {
    const diffs: AccountDiff[] = [];
    for (const before of this.#before.values()) {
      const diff = await netAccount(before, current);
      if (diff !== undefined) diffs.push(diff);
    }
    return diffs;
  }
}

async function netAccount(before: AccountBefore, current: CurrentState): Promise<AccountDiff | undefined> {
  const { address } = before;
  const after = await current.account(address);
  if (after === undefined || isEmptyAccount(after)) {
    return before.account === undefined ? undefined : { address, deleted: true };
  }
  const old = before.account ?? ABSENT;
  const slots = await netSlots(before, current);
  const diff: AccountDiff = {
    address,
    ...(after.nonce !== old.nonce && { nonce: after.nonce }),
    ...(after.balance !== old.balance && { balance: after.balance }),
    ...(!bytesEqual(after.codeHash, old.codeHash) && { codeHash: after.codeHash }),
    ...(slots.length > 0 && { slots }),
  };
  return Object.keys(diff).length === 1 ? undefined : diff;
}

async function netSlots(before: AccountBefore, current: CurrentState): Promise<SlotDiff[]> {
  const changed: SlotDiff[] = [];
  for (const { key, value } of before.slots.values()) {
    const after = await current.slot(before.address, key);
    if (!bytesEqual(after, value)) changed.push({ key, value: after });
  }
  return sortSlots(changed);
}
