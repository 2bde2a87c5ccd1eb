import type { Bytes } from '../../util/bytes.ts';
import type { RowDiff, StateRows } from '../row-diff.ts';
import { WORD_BYTES } from './words.ts';

const ADDRESS_BYTES = 20;

/** Keys of every row that a diff names: those of the state and those that it adds. */
export class RowKeys {
  readonly #diff: Pick<RowDiff, 'accountBase' | 'slotBase' | 'newAddresses' | 'newSlotAccounts' | 'newSlotKeys'>;
  readonly #rows: StateRows;

  constructor(
    diff: Pick<RowDiff, 'accountBase' | 'slotBase' | 'newAddresses' | 'newSlotAccounts' | 'newSlotKeys'>,
    rows: StateRows,
  ) {
    this.#diff = diff;
    this.#rows = rows;
  }

  /** Copies the 20 bytes of the address. */
  readAddress(row: number, target: Bytes, offset: number): void {
    const { accountBase, newAddresses } = this.#diff;
    if (row < accountBase) this.#rows.readAddress(row, target, offset);
    else copy(newAddresses, (row - accountBase) * ADDRESS_BYTES, target, offset, ADDRESS_BYTES);
  }

  slotAccount(row: number): number {
    const { slotBase, newSlotAccounts } = this.#diff;
    return row < slotBase ? this.#rows.slotAccount(row) : (newSlotAccounts[row - slotBase] as number);
  }

  /** Copies the 32 bytes of the key. */
  readSlotKey(row: number, target: Bytes, offset: number): void {
    const { slotBase, newSlotKeys } = this.#diff;
    if (row < slotBase) this.#rows.readSlotKey(row, target, offset);
    else copy(newSlotKeys, (row - slotBase) * WORD_BYTES, target, offset, WORD_BYTES);
  }
}

/** A loop: for so few bytes making views takes longer. */
function copy(source: Bytes, from: number, target: Bytes, to: number, count: number): void {
  for (let i = 0; i < count; i++) target[to + i] = source[from + i] as number;
}
