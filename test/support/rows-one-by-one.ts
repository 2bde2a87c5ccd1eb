import type { StateRows } from '../../src/protocol/row-diff.ts';
import type { Bytes } from '../../src/util/bytes.ts';
import { defined } from './defined.ts';

/** What state by rows does for many keys at a time, by doing it for each. */
export abstract class RowsOneByOne implements StateRows {
  abstract readonly accountCount: number;
  abstract readonly slotCount: number;
  abstract accountRow(address: Bytes): number;
  abstract slotRow(accountRow: number, key: Bytes): number;
  abstract readAddress(accountRow: number, target: Bytes, offset: number): void;
  abstract nonceOf(accountRow: number): bigint;
  abstract readBalance(accountRow: number, target: Bytes, offset: number): void;
  abstract slotAccount(slotRow: number): number;
  abstract readSlotKey(slotRow: number, target: Bytes, offset: number): void;
  abstract readSlotValue(slotRow: number, target: Bytes, offset: number): void;

  accountRows(addresses: Bytes, count: number, target: Int32Array): void {
    for (let i = 0; i < count; i++) target[i] = this.accountRow(addresses.subarray(i * 20, (i + 1) * 20));
  }

  slotRows(accountRows: Uint32Array, keys: Bytes, count: number, target: Int32Array): void {
    for (let i = 0; i < count; i++) {
      target[i] = this.slotRow(defined(accountRows[i]), keys.subarray(i * 32, (i + 1) * 32));
    }
  }

  readAddresses(accountRows: Uint32Array, target: Uint32Array): void {
    readEach(accountRows, this.accountCount, target, 20, (row, bytes, at) => this.readAddress(row, bytes, at));
  }

  readNonces(accountRows: Uint32Array, target: BigUint64Array): void {
    for (const [i, row] of accountRows.entries()) if (row < this.accountCount) target[i] = this.nonceOf(row);
  }

  readBalances(accountRows: Uint32Array, target: Uint32Array): void {
    readEach(accountRows, this.accountCount, target, 32, (row, bytes, at) => this.readBalance(row, bytes, at));
  }

  readSlotAccounts(slotRows: Uint32Array, target: Uint32Array): void {
    for (const [i, row] of slotRows.entries()) if (row < this.slotCount) target[i] = this.slotAccount(row);
  }

  readSlotKeys(slotRows: Uint32Array, target: Uint32Array): void {
    readEach(slotRows, this.slotCount, target, 32, (row, bytes, at) => this.readSlotKey(row, bytes, at));
  }

  readSlotValues(slotRows: Uint32Array, target: Uint32Array): void {
    readEach(slotRows, this.slotCount, target, 32, (row, bytes, at) => this.readSlotValue(row, bytes, at));
  }
}

type ReadField = (row: number, target: Bytes, offset: number) => void;

function readEach(rows: Uint32Array, count: number, target: Uint32Array, width: number, read: ReadField): void {
  const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
  for (const [i, row] of rows.entries()) if (row < count) read(row, bytes, i * width);
}
