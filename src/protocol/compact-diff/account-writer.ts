import { StrobeError } from '../../util/errors.ts';
import { ROW_BALANCE, ROW_CODE, ROW_DELETED, ROW_NONCE, type RowDiff, type StateRows } from '../row-diff.ts';
import { ByteWriter } from './byte-writer.ts';
import { ACCOUNT_DETAILED, ACCOUNT_MAX_STEP, ACCOUNT_MODES, ACCOUNT_SAME_NONCE } from './format.ts';
import { WORD_BYTES } from './words.ts';

const MAX_STEP = BigInt(ACCOUNT_MAX_STEP);

/** Writes which accounts changed and how, but for balances. */
export class AccountWriter {
  /** Listed accounts so far. */
  count = 0;
  readonly #diff: RowDiff;
  readonly #rows: StateRows;
  readonly #ids: ByteWriter;
  readonly #details = new ByteWriter(64);
  readonly #nonces = new ByteWriter(64);
  readonly #codeHashes = new ByteWriter(64);
  #nextRow = 0;

  constructor(diff: RowDiff, rows: StateRows) {
    this.#diff = diff;
    this.#rows = rows;
    this.#ids = new ByteWriter(diff.accountRows.length * 3);
  }

  /**
   * Indices into the diff, in the order of rows.
   * @throws StrobeError INVALID_STATE_DIFF when a nonce is the same as before, or an account that never was is deleted
   */
  write(index: number): void {
    const { accountRows, accountFlags, accountBase } = this.#diff;
    const row = accountRows[index] as number;
    const flags = accountFlags[index] as number;
    if (row >= accountBase) {
      if ((flags & ROW_DELETED) !== 0) throw new StrobeError('INVALID_STATE_DIFF', 'an account that never was is deleted');
      this.#writeDetails(index, flags, 0n);
      return;
    }
    // Its slots say that it is there.
    if (flags === 0) return;
    const nonceBefore = (flags & ROW_NONCE) === 0 ? 0n : this.#rows.nonceOf(row);
    const mode = this.#modeOf(index, flags, nonceBefore);
    if (mode === ACCOUNT_DETAILED) this.#writeDetails(index, flags, nonceBefore);
    this.#ids.writeVarint((row - this.#nextRow) * ACCOUNT_MODES + mode);
    this.#nextRow = row + 1;
    this.count++;
  }

  #modeOf(index: number, flags: number, nonceBefore: bigint): number {
    if (flags === ROW_BALANCE) return ACCOUNT_SAME_NONCE;
    if (flags !== (ROW_NONCE | ROW_BALANCE)) return ACCOUNT_DETAILED;
    const step = (this.#diff.nonces[index] as bigint) - nonceBefore;
    return step > 0n && step <= MAX_STEP ? Number(step) : ACCOUNT_DETAILED;
  }

  #writeDetails(index: number, flags: number, nonceBefore: bigint): void {
    this.#details.writeByte(flags);
    if ((flags & ROW_NONCE) !== 0) {
      const step = BigInt.asIntN(64, (this.#diff.nonces[index] as bigint) - nonceBefore);
      if (step === 0n) throw new StrobeError('INVALID_STATE_DIFF', 'a nonce of the diff did not change');
      this.#nonces.writeBigVarint(step > 0n ? step * 2n : -step * 2n - 1n);
    }
    if ((flags & ROW_CODE) !== 0) {
      this.#codeHashes.writeBytes(this.#diff.codeHashes.subarray(index * WORD_BYTES, (index + 1) * WORD_BYTES));
    }
  }

  /** Appends the columns to a message. */
  finish(target: ByteWriter): void {
    for (const column of [this.#ids, this.#details, this.#nonces, this.#codeHashes]) target.writeBytes(column.view());
  }
}
