import { ROW_BALANCE, ROW_CODE, ROW_DELETED, ROW_NONCE, type RowDiff } from '../../src/protocol/row-diff.ts';
import { type Bytes, toKey } from '../../src/util/bytes.ts';
import { RowsOneByOne } from './rows-one-by-one.ts';

const ADDRESS_BYTES = 20;
const WORD_BYTES = 32;

/** State by rows as simply as it can be, to compare with: maps from hex for look-ups, columns that grow for the rest. */
export class MapRows extends RowsOneByOne {
  readonly #accountIndex = new Map<string, number>();
  /** By hex of the key, per account. */
  readonly #slotIndex: Map<string, number>[] = [];
  readonly #addresses = new Column(ADDRESS_BYTES);
  readonly #nonces: bigint[] = [];
  readonly #balances = new Column(WORD_BYTES);
  readonly #codeHashes = new Map<number, string>();
  readonly #slotAccounts: number[] = [];
  readonly #slotKeys = new Column(WORD_BYTES);
  readonly #slotValues = new Column(WORD_BYTES);

  get accountCount(): number {
    return this.#nonces.length;
  }

  get slotCount(): number {
    return this.#slotAccounts.length;
  }

  accountRow(address: Bytes): number {
    return this.#accountIndex.get(toKey(address)) ?? -1;
  }

  slotRow(accountRow: number, key: Bytes): number {
    return this.#slotIndex[accountRow]?.get(toKey(key)) ?? -1;
  }

  readAddress(accountRow: number, target: Bytes, offset: number): void {
    this.#addresses.read(accountRow, target, offset);
  }

  nonceOf(accountRow: number): bigint {
    return this.#nonces[accountRow] as bigint;
  }

  readBalance(accountRow: number, target: Bytes, offset: number): void {
    this.#balances.read(accountRow, target, offset);
  }

  slotAccount(slotRow: number): number {
    return this.#slotAccounts[slotRow] as number;
  }

  readSlotKey(slotRow: number, target: Bytes, offset: number): void {
    this.#slotKeys.read(slotRow, target, offset);
  }

  readSlotValue(slotRow: number, target: Bytes, offset: number): void {
    this.#slotValues.read(slotRow, target, offset);
  }

  /** Every row with its key and values as text, accounts and then slots: equal states have equal lines. */
  describe(): string[] {
    const lines: string[] = [];
    const word = new Uint8Array(WORD_BYTES);
    for (let row = 0; row < this.accountCount; row++) {
      const address = new Uint8Array(ADDRESS_BYTES);
      this.readAddress(row, address, 0);
      this.readBalance(row, word, 0);
      lines.push(`${toKey(address)} ${this.nonceOf(row)} ${toKey(word)} ${this.#codeHashes.get(row) ?? '-'}`);
    }
    for (let row = 0; row < this.slotCount; row++) {
      this.readSlotKey(row, word, 0);
      const key = toKey(word);
      this.readSlotValue(row, word, 0);
      lines.push(`${this.slotAccount(row)} ${key} ${toKey(word)}`);
    }
    return lines;
  }

  /** Applies a diff made for this state, whatever it says. */
  apply(diff: RowDiff): void {
    this.#addRows(diff);
    for (let i = 0; i < diff.accountRows.length; i++) this.#applyAccount(diff, i);
    for (let i = 0; i < diff.slotRows.length; i++) {
      this.#slotValues.write(diff.slotRows[i] as number, diff.slotValues, i * WORD_BYTES);
    }
  }

  #addRows(diff: RowDiff): void {
    for (let at = 0; at < diff.newAddresses.length; at += ADDRESS_BYTES) {
      const row = this.accountCount;
      this.#accountIndex.set(toKey(diff.newAddresses.subarray(at, at + ADDRESS_BYTES)), row);
      this.#slotIndex.push(new Map());
      this.#addresses.write(row, diff.newAddresses, at);
      this.#nonces.push(0n);
    }
    for (let i = 0; i < diff.newSlotAccounts.length; i++) {
      const account = diff.newSlotAccounts[i] as number;
      const row = this.slotCount;
      this.#slotIndex[account]?.set(toKey(diff.newSlotKeys.subarray(i * WORD_BYTES, (i + 1) * WORD_BYTES)), row);
      this.#slotAccounts.push(account);
      this.#slotKeys.write(row, diff.newSlotKeys, i * WORD_BYTES);
    }
  }

  #applyAccount(diff: RowDiff, index: number): void {
    const row = diff.accountRows[index] as number;
    const flags = diff.accountFlags[index] as number;
    if ((flags & ROW_DELETED) !== 0) {
      const zero = new Uint8Array(WORD_BYTES);
      this.#nonces[row] = 0n;
      this.#balances.write(row, zero, 0);
      this.#codeHashes.delete(row);
      for (const slot of this.#slotIndex[row]?.values() ?? []) this.#slotValues.write(slot, zero, 0);
    }
    if ((flags & ROW_NONCE) !== 0) this.#nonces[row] = diff.nonces[index] as bigint;
    if ((flags & ROW_BALANCE) !== 0) this.#balances.write(row, diff.balances, index * WORD_BYTES);
    if ((flags & ROW_CODE) !== 0) {
      this.#codeHashes.set(row, toKey(diff.codeHashes.subarray(index * WORD_BYTES, (index + 1) * WORD_BYTES)));
    }
  }
}

/** Entries of a fixed width; those beyond the ones written are zero. */
class Column {
  readonly #width: number;
  #bytes: Bytes;

  constructor(width: number) {
    this.#width = width;
    this.#bytes = new Uint8Array(width * 16);
  }

  read(row: number, target: Bytes, offset: number): void {
    const at = row * this.#width;
    for (let i = 0; i < this.#width; i++) target[offset + i] = this.#bytes[at + i] ?? 0;
  }

  write(row: number, source: Bytes, offset: number): void {
    const at = row * this.#width;
    if (at + this.#width > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, at + this.#width));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    for (let i = 0; i < this.#width; i++) this.#bytes[at + i] = source[offset + i] as number;
  }
}
