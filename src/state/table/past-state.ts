import type { StateView } from '../../protocol/ports/state.ts';
import { type Account, type Address, type Hash, ZERO_HASH } from '../../protocol/primitives.ts';
import type { SlotDiff } from '../../protocol/state-diff.ts';
import type { Bytes } from '../../util/bytes.ts';
import type { CodeCache } from './code-cache.ts';
import { bodyAt } from './old-values.ts';
import type { TableCore } from './table-core.ts';
import type { TableMark } from './table-mark.ts';

/** One moment of a table. */
export interface PastMoment {
  readonly serial: number;
  /** Rows from these counts on were not there yet. */
  readonly mark: Omit<TableMark, 'digest'>;
  /** @throws StrobeError STATE_FORGOTTEN when old values do not reach back to the moment any more */
  readonly assertKept: () => void;
}

/** State at the end of a mini-block, read through what changed since. */
export class PastState implements StateView {
  readonly #core: TableCore;
  readonly #codes: CodeCache;
  readonly #moment: PastMoment;

  constructor(core: TableCore, codes: CodeCache, moment: PastMoment) {
    this.#core = core;
    this.#codes = codes;
    this.#moment = moment;
  }

  getAccount(address: Address): Account | undefined {
    this.#moment.assertKept();
    const { accounts, memory } = this.#core;
    const row = this.#accountRow(address);
    if (row === -1) return undefined;
    const body = bodyAt(memory, accounts.versionOf(row), accounts.bodyOf(row), this.#moment.serial);
    return accounts.read(body, this.#codes);
  }

  getStorage(address: Address, key: Hash): Hash {
    this.#moment.assertKept();
    const account = this.#accountRow(address);
    const row = account === -1 ? -1 : this.#core.slots.find(account, key);
    return row === -1 || row >= this.#moment.mark.slots ? ZERO_HASH : this.#valueOf(row);
  }

  getCode(codeHash: Hash): Bytes | undefined {
    this.#moment.assertKept();
    return this.#core.codes.find(codeHash) > this.#moment.mark.codes ? undefined : this.#codes.getCode(codeHash);
  }

  *storageOf(address: Address): Iterable<SlotDiff> {
    this.#moment.assertKept();
    const { accounts, slots } = this.#core;
    const account = this.#accountRow(address);
    if (account === -1) return;
    for (let row = accounts.firstSlot(account); row !== -1; row = slots.nextOf(row)) {
      if (row >= this.#moment.mark.slots) continue;
      const value = this.#valueOf(row);
      if (value === ZERO_HASH) continue;
      yield { key: slots.keyOf(row), value };
      this.#moment.assertKept();
    }
  }

  #accountRow(address: Address): number {
    const row = this.#core.accounts.find(address);
    return row >= this.#moment.mark.accounts ? -1 : row;
  }

  #valueOf(row: number): Hash {
    const { slots, memory } = this.#core;
    return slots.valueOf(bodyAt(memory, slots.versionOf(row), slots.bodyOf(row), this.#moment.serial));
  }
}
