import type { StateRows } from '../../protocol/row-diff.ts';
import type { Bytes } from '../../util/bytes.ts';
import type { TableCore } from './table-core.ts';

/** Reads of a table's present state by row. */
export class TableRows implements StateRows {
  readonly #core: TableCore;

  constructor(core: TableCore) {
    this.#core = core;
  }

  get accountCount(): number {
    return this.#core.accounts.count;
  }

  get slotCount(): number {
    return this.#core.slots.count;
  }

  accountRow(address: Bytes): number {
    return this.#core.accounts.find(address);
  }

  slotRow(accountRow: number, key: Bytes): number {
    return this.#core.slots.find(accountRow, key);
  }

  accountRows(addresses: Bytes, count: number, target: Int32Array): void {
    this.#core.accounts.findAll(addresses, count, target);
  }

  slotRows(accountRows: Uint32Array, keys: Bytes, count: number, target: Int32Array): void {
    this.#core.slots.findAll(accountRows, keys, count, target);
  }

  readAddresses(accountRows: Uint32Array, target: Uint32Array): void {
    this.#core.accounts.readAddresses(accountRows, target);
  }

  readNonces(accountRows: Uint32Array, target: BigUint64Array): void {
    this.#core.accounts.readNonces(accountRows, target);
  }

  readBalances(accountRows: Uint32Array, target: Uint32Array): void {
    this.#core.accounts.readBalances(accountRows, target);
  }

  readSlotAccounts(slotRows: Uint32Array, target: Uint32Array): void {
    this.#core.slots.readAccounts(slotRows, target);
  }

  readSlotKeys(slotRows: Uint32Array, target: Uint32Array): void {
    this.#core.slots.readKeys(slotRows, target);
  }

  readSlotValues(slotRows: Uint32Array, target: Uint32Array): void {
    this.#core.slots.readValues(slotRows, target);
  }

  readAddress(accountRow: number, target: Bytes, offset: number): void {
    this.#core.accounts.readAddress(accountRow, target, offset);
  }

  nonceOf(accountRow: number): bigint {
    const { accounts } = this.#core;
    return accounts.nonceOf(accounts.bodyOf(accountRow));
  }

  readBalance(accountRow: number, target: Bytes, offset: number): void {
    const { accounts } = this.#core;
    accounts.readBalance(accounts.bodyOf(accountRow), target, offset);
  }

  slotAccount(slotRow: number): number {
    return this.#core.slots.accountOf(slotRow);
  }

  readSlotKey(slotRow: number, target: Bytes, offset: number): void {
    this.#core.slots.readKey(slotRow, target, offset);
  }

  readSlotValue(slotRow: number, target: Bytes, offset: number): void {
    const { slots } = this.#core;
    slots.readValue(slots.bodyOf(slotRow), target, offset);
  }
}
