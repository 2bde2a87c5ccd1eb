import { orderRows } from '../../protocol/compact-diff/row-order.ts';
import { ROW_BALANCE, ROW_CODE, ROW_DELETED, ROW_NONCE } from '../../protocol/row-diff.ts';
import { ADDRESS_WORDS, BODY_BALANCE, BODY_CODE, BODY_NONCE, WORD_WORDS } from './layout.ts';
import type { NetAccountColumns } from './net-order.ts';
import type { NetRange } from './net-range.ts';
import { bodyAt, isSameBody, NO_BODY } from './old-values.ts';
import type { TableCore } from './table-core.ts';

const ADDRESS_BYTES = ADDRESS_WORDS * 4;
const WORD_BYTES = WORD_WORDS * 4;
/** Of a 64-bit number. */
const NONCE_WORDS = 2;

/** What became of the accounts that changed in a range, themselves or in their slots. */
export class NetAccounts {
  readonly #core: TableCore;
  readonly #range: NetRange;
  /** Each once, ascending. */
  readonly #rows: Uint32Array;
  /** By position in the rows. */
  readonly #hasSlots: Uint8Array;
  /** Position of the account of each slot. */
  readonly #owners: Uint32Array;
  readonly #isListed: Uint8Array;
  readonly #addresses: Uint8Array;
  readonly #flags: Uint8Array;
  readonly #nonces: BigUint64Array;
  readonly #balances: Uint8Array;
  readonly #codeHashes: Uint8Array;

  /**
   * @param rows of accounts that changed, each maybe more than once
   * @param slotOwners account row of each slot that changed
   */
  constructor(core: TableCore, range: NetRange, rows: Uint32Array, slotOwners: Uint32Array) {
    this.#core = core;
    this.#range = range;
    const named = new Uint32Array(rows.length + slotOwners.length);
    named.set(rows);
    named.set(slotOwners, rows.length);
    const unique = new Uint32Array(named.length);
    this.#owners = new Uint32Array(slotOwners.length);
    this.#hasSlots = new Uint8Array(named.length);
    let count = 0;
    for (const index of orderRows(named)) {
      const row = named[index] as number;
      if (count === 0 || unique[count - 1] !== row) unique[count++] = row;
      if (index < rows.length) continue;
      this.#owners[index - rows.length] = count - 1;
      this.#hasSlots[count - 1] = 1;
    }
    this.#rows = unique.subarray(0, count);
    this.#isListed = new Uint8Array(count);
    this.#addresses = new Uint8Array(count * ADDRESS_BYTES);
    this.#flags = new Uint8Array(count);
    this.#nonces = new BigUint64Array(count);
    this.#balances = new Uint8Array(count * WORD_BYTES);
    this.#codeHashes = new Uint8Array(count * WORD_BYTES);
  }

  get rowCount(): number {
    return this.#rows.length;
  }

  /** Reads up to `limit` accounts from position `first` on; returns the position behind them. */
  read(first: number, limit: number): number {
    const end = Math.min(this.#rows.length, first + limit);
    for (let i = first; i < end; i++) {
      const flags = this.#readAccount(i, this.#rows[i] as number);
      this.#isListed[i] = flags === undefined ? 0 : 1;
      this.#flags[i] = flags ?? 0;
    }
    return end;
  }

  /** ROW_ flags of what changed; undefined when nothing did. */
  #readAccount(index: number, row: number): number | undefined {
    const { accounts, memory, codes } = this.#core;
    const { from, to } = this.#range;
    const [version, current] = [accounts.versionOf(row), accounts.bodyOf(row)];
    const before = row < from.mark.accounts ? bodyAt(memory, version, current, from.serial) : NO_BODY;
    const after = bodyAt(memory, version, current, to.serial);
    accounts.readAddress(row, this.#addresses, index * ADDRESS_BYTES);
    if (!accounts.exists(after)) return before !== NO_BODY && accounts.exists(before) ? ROW_DELETED : undefined;
    let flags = 0;
    if (!isSameBody(memory, before, after, BODY_NONCE, NONCE_WORDS)) {
      flags |= ROW_NONCE;
      this.#nonces[index] = accounts.nonceOf(after);
    }
    if (!isSameBody(memory, before, after, BODY_BALANCE, WORD_WORDS)) {
      flags |= ROW_BALANCE;
      accounts.readBalance(after, this.#balances, index * WORD_BYTES);
    }
    if (!isSameBody(memory, before, after, BODY_CODE, 1)) {
      flags |= ROW_CODE;
      this.#codeHashes.set(codes.hashOf(accounts.codeOf(after)), index * WORD_BYTES);
    }
    return flags === 0 && this.#hasSlots[index] === 0 ? undefined : flags;
  }

  columns(): NetAccountColumns {
    return {
      isListed: this.#isListed,
      addresses: this.#addresses,
      flags: this.#flags,
      nonces: this.#nonces,
      balances: this.#balances,
      codeHashes: this.#codeHashes,
      owners: this.#owners,
    };
  }
}
