import type { Hash } from '../../protocol/primitives.ts';
import { ROW_BALANCE, ROW_CODE, ROW_DELETED, ROW_NONCE, type RowDiff } from '../../protocol/row-diff.ts';
import { type Bytes, isZeroBytes, toHex, toKey } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { keccak256 } from '../../util/keccak.ts';
import { KeyOrder } from './key-order.ts';
import { ADDRESS_WORDS, SLOT_ACCOUNT, SLOT_KEY, WORD_WORDS } from './layout.ts';
import type { TableCore } from './table-core.ts';

const KNOWN_FLAGS = ROW_NONCE | ROW_BALANCE | ROW_CODE | ROW_DELETED;

export interface NewCode {
  readonly hash: Hash;
  readonly code: Bytes;
}

/**
 * Whether a diff by row numbers says what a canonical one could, and can be applied to the state as it is (PROTOCOL
 * sections 3 and 4). It may come from outside: nothing in it is taken for granted.
 */
export class RowDiffCheck {
  readonly #core: TableCore;
  readonly #diff: RowDiff;
  readonly #accountCount: number;
  readonly #slotCount: number;
  readonly #addresses = new KeyOrder(ADDRESS_WORDS);
  readonly #newCodes = new Map<string, NewCode>();

  constructor(core: TableCore, diff: RowDiff) {
    this.#core = core;
    this.#diff = diff;
    this.#accountCount = diff.accountBase + diff.newAddresses.length / 20;
    this.#slotCount = diff.slotBase + diff.newSlotAccounts.length;
  }

  /**
   * Returns the codes that are not known yet.
   * @throws StrobeError STATE_DIFF_NOT_APPLICABLE
   */
  run(): readonly NewCode[] {
    this.#checkColumns();
    this.#checkNewAccounts();
    this.#checkNewSlots();
    this.#collectCodes();
    this.#checkChanges();
    return [...this.#newCodes.values()];
  }

  #checkColumns(): void {
    const diff = this.#diff;
    const accounts = diff.accountRows.length;
    if (diff.accountBase !== this.#core.accounts.count || diff.slotBase !== this.#core.slots.count) {
      throw notApplicable('it was made for another state', { accountBase: diff.accountBase, slotBase: diff.slotBase });
    }
    const consistent =
      Number.isInteger(this.#accountCount) &&
      diff.newSlotKeys.length === diff.newSlotAccounts.length * 32 &&
      diff.accountFlags.length === accounts &&
      diff.nonces.length === accounts &&
      diff.balances.length === accounts * 32 &&
      diff.codeHashes.length === accounts * 32 &&
      diff.slotValues.length === diff.slotRows.length * 32;
    if (!consistent) throw notApplicable('its columns are not equally long');
  }

  #checkNewAccounts(): void {
    const { newAddresses } = this.#diff;
    const order = new KeyOrder(ADDRESS_WORDS);
    for (let at = 0; at < newAddresses.length; at += 20) {
      order.stageBytes(newAddresses, at);
      if (!order.ascends()) throw notApplicable('its new accounts are not in order');
      if (this.#core.accounts.find(newAddresses, at) !== -1) throw notApplicable('an account has a row already');
    }
  }

  #checkNewSlots(): void {
    const { newSlotAccounts, newSlotKeys, accountBase } = this.#diff;
    const order = new KeyOrder(WORD_WORDS);
    let previous = -1;
    for (let i = 0; i < newSlotAccounts.length; i++) {
      const account = newSlotAccounts[i] as number;
      if (account < previous || account >= this.#accountCount) throw notApplicable('its new slots are not in order');
      if (account !== previous) order.restart();
      previous = account;
      order.stageBytes(newSlotKeys, i * 32);
      if (!order.ascends()) throw notApplicable('its new slots are not in order');
      const known = account < accountBase && this.#core.slots.find(account, newSlotKeys, i * 32) !== -1;
      if (known) throw notApplicable('a slot has a row already');
    }
  }

  #collectCodes(): void {
    const order = new KeyOrder(WORD_WORDS);
    for (const code of this.#diff.codes) {
      if (code.length === 0) throw notApplicable('an empty code is listed');
      const hash = keccak256(code);
      order.stageBytes(hash, 0);
      if (!order.ascends()) throw notApplicable('its codes are not in order');
      if (this.#core.codes.find(hash) === -1) this.#newCodes.set(toKey(hash), { hash, code });
    }
  }

  /** Walks through accounts and slots side by side: both are in canonical order, and each new row is listed once. */
  #checkChanges(): void {
    const { accountRows, accountBase, slotRows } = this.#diff;
    const slots = new ListedSlots(this.#core, this.#diff, this.#slotCount);
    let newAccounts = 0;
    for (let i = 0; i < accountRows.length; i++) {
      const row = accountRows[i] as number;
      if (row >= this.#accountCount) throw notApplicable('it lists an account without a row', { row });
      this.#stageAddress(row);
      if (!this.#addresses.ascends()) throw notApplicable('its accounts are not in order');
      if (row >= accountBase) newAccounts++;
      this.#checkAccount(i, row, slots.takeThoseOf(row));
    }
    if (slots.taken !== slotRows.length) throw notApplicable('its slots are not in order');
    if (newAccounts !== this.#accountCount - accountBase || slots.takenNew !== this.#slotCount - this.#diff.slotBase) {
      throw notApplicable('a new row is not listed');
    }
  }

  #stageAddress(row: number): void {
    const { accountBase, newAddresses } = this.#diff;
    const { accounts, memory } = this.#core;
    if (row >= accountBase) this.#addresses.stageBytes(newAddresses, (row - accountBase) * 20);
    else this.#addresses.stageWords(memory.words, accounts.at(row));
  }

  #checkAccount(i: number, row: number, slots: number): void {
    const { accounts } = this.#core;
    const flags = this.#diff.accountFlags[i] as number;
    const known = row < this.#diff.accountBase;
    if ((flags & ~KNOWN_FLAGS) !== 0) throw this.#refuse(row, 'its flags are not known');
    if ((flags & ROW_DELETED) !== 0) {
      if (flags !== ROW_DELETED || slots > 0) throw this.#refuse(row, 'a deleted account carries changes');
      if (!known || !accounts.exists(accounts.bodyOf(row))) {
        throw this.#refuse(row, 'the account to delete does not exist');
      }
      return;
    }
    if (flags === 0 && slots === 0) throw this.#refuse(row, 'it is listed without a change');
    if (this.#endsEmpty(i, row, flags, known)) {
      throw this.#refuse(row, 'the account does not exist, or ends empty without being deleted');
    }
    if ((flags & ROW_CODE) !== 0 && !this.#isKnownCode(i)) throw this.#refuse(row, 'its code is not known');
  }

  #endsEmpty(i: number, row: number, flags: number, known: boolean): boolean {
    const { nonces, balances, codeHashes } = this.#diff;
    const { accounts, codes } = this.#core;
    const body = known ? accounts.bodyOf(row) : -1;
    if ((flags & ROW_NONCE) !== 0 ? nonces[i] !== 0n : known && !accounts.hasZeroNonce(body)) return false;
    const hasBalance =
      (flags & ROW_BALANCE) !== 0
        ? !isZeroBytes(balances.subarray(i * 32, i * 32 + 32))
        : known && !accounts.hasZeroBalance(body);
    if (hasBalance) return false;
    return (flags & ROW_CODE) !== 0 ? codes.find(codeHashes, i * 32) === 0 : !known || accounts.codeOf(body) === 0;
  }

  #isKnownCode(i: number): boolean {
    const { codeHashes } = this.#diff;
    return (
      this.#core.codes.find(codeHashes, i * 32) !== -1 || this.#newCodes.has(toKey(codeHashes.subarray(i * 32, i * 32 + 32)))
    );
  }

  #refuse(row: number, reason: string): StrobeError<'STATE_DIFF_NOT_APPLICABLE'> {
    const { accountBase, newAddresses } = this.#diff;
    const at = (row - accountBase) * 20;
    const address = toHex(row < accountBase ? this.#core.accounts.addressOf(row) : newAddresses.subarray(at, at + 20));
    return new StrobeError('STATE_DIFF_NOT_APPLICABLE', `state diff of ${address}: ${reason}`, { address });
  }
}

/** The slots of a diff as they are listed: by the address of their account, and by key. */
class ListedSlots {
  readonly #core: TableCore;
  readonly #diff: RowDiff;
  readonly #slotCount: number;
  readonly #keys = new KeyOrder(WORD_WORDS);
  taken = 0;
  takenNew = 0;

  constructor(core: TableCore, diff: RowDiff, slotCount: number) {
    this.#core = core;
    this.#diff = diff;
    this.#slotCount = slotCount;
  }

  /** Takes the next slots as far as they are those of the account; returns how many. */
  takeThoseOf(accountRow: number): number {
    const { slotRows, slotBase } = this.#diff;
    const start = this.taken;
    this.#keys.restart();
    while (this.taken < slotRows.length) {
      const row = slotRows[this.taken] as number;
      if (row >= this.#slotCount) throw notApplicable('it lists a slot without a row', { row });
      if (this.#stage(row) !== accountRow) break;
      if (!this.#keys.ascends()) throw notApplicable('its slots are not in order');
      if (row >= slotBase) this.takenNew++;
      this.taken++;
    }
    return this.taken - start;
  }

  /** Stages the key of a slot; returns the account's row. */
  #stage(row: number): number {
    const { slotBase, newSlotAccounts, newSlotKeys } = this.#diff;
    if (row >= slotBase) {
      this.#keys.stageBytes(newSlotKeys, (row - slotBase) * 32);
      return newSlotAccounts[row - slotBase] as number;
    }
    const { slots, memory } = this.#core;
    const at = slots.at(row);
    this.#keys.stageWords(memory.words, at + SLOT_KEY);
    return memory.get(at + SLOT_ACCOUNT);
  }
}

function notApplicable(reason: string, meta: Record<string, number> = {}): StrobeError<'STATE_DIFF_NOT_APPLICABLE'> {
  return new StrobeError('STATE_DIFF_NOT_APPLICABLE', `state diff: ${reason}`, meta);
}
