import type { AccountUndo, StateUndo } from '../protocol/ports/state.ts';
import { type Account, type Address, EMPTY_CODE_HASH, type Hash } from '../protocol/primitives.ts';
import { type AccountDiff, codesByHash, type SlotDiff, type StateDiff } from '../protocol/state-diff.ts';
import {
  type Bytes,
  bigIntToBytes,
  bytesEqual,
  bytesToBigInt,
  fromKey,
  padTo32,
  toKey,
  trimLeadingZeros,
} from '../util/bytes.ts';
import type { LevelBatch, LevelDatabase } from './level-database.ts';
import { bytesKey, rangeOf, STATE_FIELD, STATE_FIELD_AT, stateKey, TABLE } from './tables.ts';
import type { WritePacer } from './write-pacer.ts';

/** Rows in one chunk of loaded state, and bytes of code in one: a chunk stays within a few megabytes. */
const ROWS_PER_CHUNK = 4096;
const CODE_BYTES_PER_CHUNK = 1024 * 1024;

/**
 * Flat state as of the sealed head. Each field of an account is a row of its own, so that a diff is written without
 * reading the account first; an account exists when it has a nonce, balance or code (EIP-161 leaves no other).
 */
export class StateRepository {
  readonly #database: LevelDatabase;

  constructor(database: LevelDatabase) {
    this.#database = database;
  }

  async putDiff(batch: LevelBatch, diff: StateDiff, pacer: WritePacer): Promise<void> {
    for (const [hash, code] of codesByHash(diff)) batch.put(bytesKey(TABLE.codes, fromKey(hash)), code);
    for (const account of diff.accounts) {
      if (account.deleted) await this.#removeAccount(batch, account.address);
      else putFields(batch, account.address, account);
      for (const slot of account.slots ?? []) {
        putSlot(batch, account.address, slot);
        if (pacer.isDue()) await pacer.yield();
      }
      if (pacer.isDue()) await pacer.yield();
    }
  }

  /** Restores old values; undos come in the order in which they are to be applied. Codes stay. */
  async putUndos(batch: LevelBatch, undos: readonly StateUndo[], pacer: WritePacer): Promise<void> {
    for (const restored of foldUndos(undos).values()) {
      const { address, before, isCleared, slots } = restored;
      if (isCleared) await this.#removeAccount(batch, address);
      if (before !== undefined) putFields(batch, address, before);
      for (const [key, value] of slots) putSlot(batch, address, { key: fromKey(key), value });
      if (pacer.isDue()) await pacer.yield();
    }
  }

  /** All of it as diffs to apply one after the other on an empty state: codes first, then accounts by address. */
  async *load(): AsyncGenerator<StateDiff, void, undefined> {
    yield* this.#loadCodes();
    yield* this.#loadAccounts();
  }

  async *#loadCodes(): AsyncGenerator<StateDiff, void, undefined> {
    let codes: Bytes[] = [];
    let bytes = 0;
    for await (const code of this.#database.values(rangeOf(Uint8Array.of(TABLE.codes)))) {
      codes.push(code);
      bytes += code.length;
      if (bytes < CODE_BYTES_PER_CHUNK) continue;
      yield { accounts: [], codes };
      codes = [];
      bytes = 0;
    }
    if (codes.length > 0) yield { accounts: [], codes };
  }

  async *#loadAccounts(): AsyncGenerator<StateDiff, void, undefined> {
    const iterator = this.#database.iterator(rangeOf(Uint8Array.of(TABLE.state)));
    try {
      for (;;) {
        // An account cut by the end of a chunk goes on in the next one: its fields sort before its slots.
        const rows = await iterator.nextv(ROWS_PER_CHUNK);
        if (rows.length === 0) return;
        yield { accounts: collectAccounts(rows), codes: [] };
      }
    } finally {
      await iterator.close();
    }
  }

  async #removeAccount(batch: LevelBatch, address: Address): Promise<void> {
    const range = rangeOf(stateKey(address, 0).subarray(0, STATE_FIELD_AT));
    for await (const key of this.#database.keys(range)) batch.del(key);
  }
}

/** Writes the fields that are given; zero and empty ones are absent rows. */
function putFields(batch: LevelBatch, address: Address, fields: Partial<Account>): void {
  const { nonce, balance, codeHash } = fields;
  if (nonce !== undefined) putOrDelete(batch, stateKey(address, STATE_FIELD.nonce), bigIntToBytes(nonce));
  if (balance !== undefined) putOrDelete(batch, stateKey(address, STATE_FIELD.balance), bigIntToBytes(balance));
  if (codeHash === undefined) return;
  const key = stateKey(address, STATE_FIELD.codeHash);
  if (bytesEqual(codeHash, EMPTY_CODE_HASH)) batch.del(key);
  else batch.put(key, codeHash);
}

function putSlot(batch: LevelBatch, address: Address, slot: SlotDiff): void {
  putOrDelete(batch, stateKey(address, STATE_FIELD.slot, slot.key), trimLeadingZeros(slot.value));
}

function putOrDelete(batch: LevelBatch, key: Bytes, value: Bytes): void {
  if (value.length === 0) batch.del(key);
  else batch.put(key, value);
}

interface RestoredAccount {
  readonly address: Address;
  before: Account | undefined;
  /** True when it did not exist at some point: rows from after that point go. */
  isCleared: boolean;
  readonly slots: Map<string, Hash>;
}

function foldUndos(undos: readonly StateUndo[]): Map<string, RestoredAccount> {
  const accounts = new Map<string, RestoredAccount>();
  for (const undo of undos) {
    for (const account of undo.accounts) foldAccount(accounts, account);
  }
  return accounts;
}

function foldAccount(accounts: Map<string, RestoredAccount>, undo: AccountUndo): void {
  const key = toKey(undo.address);
  let restored = accounts.get(key);
  if (restored === undefined) {
    restored = { address: undo.address, before: undefined, isCleared: false, slots: new Map() };
    accounts.set(key, restored);
  }
  restored.before = undo.before;
  for (const slot of undo.slots) restored.slots.set(toKey(slot.key), slot.value);
  if (undo.before !== undefined) return;
  restored.isCleared = true;
  restored.slots.clear();
}

function collectAccounts(rows: readonly (readonly [Bytes, Bytes])[]): AccountDiff[] {
  const accounts: AccountDiff[] = [];
  let current: { -readonly [K in keyof AccountDiff]: AccountDiff[K] } | undefined;
  let slots: SlotDiff[] = [];
  for (const [key, value] of rows) {
    const address = key.subarray(1, STATE_FIELD_AT);
    if (current === undefined || !bytesEqual(current.address, address)) {
      current = { address };
      slots = [];
      accounts.push(current);
    }
    const field = key[STATE_FIELD_AT];
    if (field === STATE_FIELD.nonce) current.nonce = bytesToBigInt(value);
    else if (field === STATE_FIELD.balance) current.balance = bytesToBigInt(value);
    else if (field === STATE_FIELD.codeHash) current.codeHash = value;
    else {
      slots.push({ key: key.subarray(STATE_FIELD_AT + 1), value: padTo32(value) });
      current.slots = slots;
    }
  }
  return accounts;
}
