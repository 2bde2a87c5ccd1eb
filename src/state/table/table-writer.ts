import { ROW_BALANCE, ROW_CODE, ROW_DELETED, ROW_NONCE, type RowDiff } from '../../protocol/row-diff.ts';
import type { Bytes } from '../../util/bytes.ts';
import { invariant } from '../../util/errors.ts';
import {
  ACCOUNT_BODY_WORDS,
  ACCOUNT_VERSION,
  SLOT_VERSION,
  VERSION_BODY,
  VERSION_OF_SLOT,
  VERSION_PREVIOUS,
  VERSION_PREVIOUS_SERIAL,
  VERSION_ROW,
  WORD_WORDS,
} from './layout.ts';
import type { PageAllocator } from './page-allocator.ts';
import type { RegistryDigest } from './registry-digest.ts';
import type { NewCode } from './row-diff-check.ts';
import type { TableCore } from './table-core.ts';
import type { TableMark } from './table-mark.ts';
import type { VersionJournal } from './version-journal.ts';

export interface TableWriterModules {
  readonly core: TableCore;
  readonly allocator: PageAllocator;
  readonly journal: VersionJournal;
  readonly digest: RegistryDigest;
}

/** Changes rows and keeps what they were. */
export class TableWriter {
  readonly #core: TableCore;
  readonly #allocator: PageAllocator;
  readonly #journal: VersionJournal;
  readonly #digest: RegistryDigest;

  constructor({ core, allocator, journal, digest }: TableWriterModules) {
    this.#core = core;
    this.#allocator = allocator;
    this.#journal = journal;
    this.#digest = digest;
  }

  mark(): TableMark {
    const { accounts, slots, codes } = this.#core;
    return { accounts: accounts.count, slots: slots.count, codes: codes.count, digest: this.#digest.value };
  }

  /**
   * Applies a diff that was checked.
   * @throws StrobeError STATE_MEMORY_EXHAUSTED; nothing is changed then
   */
  write(diff: RowDiff, newCodes: readonly NewCode[], number: number): void {
    const { accounts, slots, codes, runs } = this.#core;
    runs.reserve(this.#allocator);
    accounts.reserve(diff.newAddresses.length / 20, this.#allocator);
    slots.reserve(diff.newSlotAccounts.length, this.#allocator);
    codes.reserve(
      newCodes.map((entry) => entry.code),
      this.#allocator,
    );
    const before = this.mark();
    this.#journal.begin(number, before);
    for (const { hash, code } of newCodes) codes.add(hash, code, this.#allocator);
    for (let at = 0; at < diff.newAddresses.length; at += 20) this.#addAccount(diff.newAddresses, at);
    for (let i = 0; i < diff.newSlotAccounts.length; i++) {
      this.#addSlot(diff.newSlotAccounts[i] as number, diff.newSlotKeys, i * 32);
    }
    runs.extend(accounts.count, slots.count);
    this.#writeAccounts(diff, before);
    this.#writeSlots(diff, before);
  }

  /** Takes every change of the mini-blocks above `number` back. */
  rollback(number: number): void {
    const { start, end } = this.#journal.above(number);
    const before = start === end ? this.mark() : this.#journal.markBefore(start);
    for (let index = end - 1; index >= start; index--) {
      for (const version of this.#journal.versionsOf(index)) this.#restore(version);
    }
    this.#truncate(before);
    this.#journal.truncate(start, number);
  }

  #addAccount(address: Bytes, offset: number): void {
    const row = this.#core.accounts.add(address, offset, this.#allocator);
    this.#digest.addAccount(row, address, offset);
  }

  #addSlot(accountRow: number, key: Bytes, offset: number): void {
    const row = addSlot(this.#core, this.#allocator, accountRow, key, offset);
    this.#digest.addSlot(row, accountRow, key, offset);
  }

  #writeAccounts(diff: RowDiff, before: TableMark): void {
    const { accounts, codes } = this.#core;
    for (let i = 0; i < diff.accountRows.length; i++) {
      const row = diff.accountRows[i] as number;
      const flags = diff.accountFlags[i] as number;
      if (flags === 0) continue;
      const at = accounts.at(row);
      const body = accounts.bodyOf(row);
      if (row < before.accounts) this.#journal.keep(row, at + ACCOUNT_VERSION, body, ACCOUNT_BODY_WORDS);
      if ((flags & ROW_DELETED) !== 0) {
        accounts.clear(body);
        this.#clearStorage(row);
        continue;
      }
      accounts.setExists(body);
      if ((flags & ROW_NONCE) !== 0) accounts.setNonce(body, diff.nonces[i] as bigint);
      if ((flags & ROW_BALANCE) !== 0) accounts.writeBalance(body, diff.balances, i * 32);
      if ((flags & ROW_CODE) !== 0) accounts.setCode(body, codes.find(diff.codeHashes, i * 32));
    }
  }

  #writeSlots(diff: RowDiff, before: TableMark): void {
    const { slots } = this.#core;
    for (let i = 0; i < diff.slotRows.length; i++) {
      const row = diff.slotRows[i] as number;
      const at = slots.at(row);
      const body = slots.bodyOf(row);
      if (row < before.slots) this.#journal.keep(row | VERSION_OF_SLOT, at + SLOT_VERSION, body, WORD_WORDS);
      slots.writeValue(body, diff.slotValues, i * 32);
    }
  }

  /** A deleted account has no slots among the diff's, so that all of its rows were there before. */
  #clearStorage(accountRow: number): void {
    const { accounts, slots } = this.#core;
    for (let row = accounts.firstSlot(accountRow); row !== -1; row = slots.nextOf(row)) {
      const body = slots.bodyOf(row);
      if (slots.isClear(body)) continue;
      this.#journal.keep(row | VERSION_OF_SLOT, slots.versionOf(row), body, WORD_WORDS);
      slots.clear(body);
    }
  }

  #restore(version: number): void {
    const { memory, accounts, slots } = this.#core;
    const tagged = memory.get(version + VERSION_ROW);
    const ofSlot = (tagged & VERSION_OF_SLOT) !== 0;
    const row = tagged & ~VERSION_OF_SLOT;
    const newest = ofSlot ? slots.versionOf(row) : accounts.versionOf(row);
    memory.copy(
      version + VERSION_BODY,
      ofSlot ? slots.bodyOf(row) : accounts.bodyOf(row),
      ofSlot ? WORD_WORDS : ACCOUNT_BODY_WORDS,
    );
    memory.set(newest, memory.get(version + VERSION_PREVIOUS));
    memory.set(newest + 1, memory.get(version + VERSION_PREVIOUS_SERIAL));
  }

  /** Newest rows first: each slot is the first of its account then. */
  #truncate(mark: TableMark): void {
    const { accounts, slots, codes, runs } = this.#core;
    runs.truncate(mark.accounts, mark.slots);
    while (slots.count > mark.slots) {
      const row = slots.count - 1;
      const account = slots.accountOf(row);
      invariant(accounts.firstSlot(account) === row, 'the newest slot of an account is its first');
      accounts.setFirstSlot(account, slots.nextOf(row));
      slots.removeLast();
    }
    accounts.truncate(mark.accounts);
    codes.truncate(mark.codes, this.#allocator);
    this.#digest.value = mark.digest;
  }
}

/** Adds a clear slot to its account; there is room for it. */
export function addSlot(core: TableCore, allocator: PageAllocator, accountRow: number, key: Bytes, offset: number): number {
  const { accounts, slots } = core;
  const row = slots.add(accountRow, accounts.firstSlot(accountRow), key, offset, allocator);
  accounts.setFirstSlot(accountRow, row);
  return row;
}
