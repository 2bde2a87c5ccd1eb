import type { StateView } from '../../protocol/ports/state.ts';
import { type Account, type Address, type Hash, ZERO_HASH } from '../../protocol/primitives.ts';
import type { SlotDiff } from '../../protocol/state-diff.ts';
import type { Bytes } from '../../util/bytes.ts';
import type { CodeHashes } from './account-rows.ts';
import { bodyAt } from './old-values.ts';
import type { ReadGuard } from './sequence-lock.ts';
import type { TableCore } from './table-core.ts';
import type { TableMark } from './table-mark.ts';

/** One moment of a table. */
export interface PastMoment {
  readonly serial: number;
  /** Rows from these counts on were not there yet. */
  readonly mark: Omit<TableMark, 'digest'>;
  /** Throws StrobeError STATE_FORGOTTEN when old values do not reach back to the moment any more. */
  readonly guard: ReadGuard;
}

/** Codes as one thread has read them: the same array for the same hash. */
export interface KnownCodes extends CodeHashes {
  getCode(codeHash: Hash): Bytes | undefined;
}

/** State at the end of a mini-block, read through what changed since. */
export class PastState implements StateView {
  readonly #core: TableCore;
  readonly #codes: KnownCodes;
  readonly #moment: PastMoment;

  constructor(core: TableCore, codes: KnownCodes, moment: PastMoment) {
    this.#core = core;
    this.#codes = codes;
    this.#moment = moment;
  }

  getAccount(address: Address): Account | undefined {
    const { accounts, memory } = this.#core;
    const { guard, serial } = this.#moment;
    return guard(() => {
      const row = this.#accountRow(address);
      if (row === -1) return undefined;
      return accounts.read(bodyAt(memory, accounts.versionOf(row), accounts.bodyOf(row), serial), this.#codes);
    });
  }

  getStorage(address: Address, key: Hash): Hash {
    const { guard, mark } = this.#moment;
    return guard(() => {
      const account = this.#accountRow(address);
      const row = account === -1 ? -1 : this.#core.slots.find(account, key);
      return row === -1 || row >= mark.slots ? ZERO_HASH : this.#valueOf(row);
    });
  }

  getCode(codeHash: Hash): Bytes | undefined {
    const { guard, mark } = this.#moment;
    return guard(() => (this.#core.codes.find(codeHash) > mark.codes ? undefined : this.#codes.getCode(codeHash)));
  }

  *storageOf(address: Address): Iterable<SlotDiff> {
    const { accounts } = this.#core;
    const { guard } = this.#moment;
    let row = guard(() => {
      const account = this.#accountRow(address);
      return account === -1 ? -1 : accounts.firstSlot(account);
    });
    while (row !== -1) {
      const at = row;
      const { slot, next } = guard(() => ({ slot: this.#slotAt(at), next: this.#core.slots.nextOf(at) }));
      if (slot !== undefined) yield slot;
      row = next;
    }
  }

  #accountRow(address: Address): number {
    const row = this.#core.accounts.find(address);
    return row >= this.#moment.mark.accounts ? -1 : row;
  }

  /** Undefined when it was clear or not there yet. */
  #slotAt(row: number): SlotDiff | undefined {
    if (row >= this.#moment.mark.slots) return undefined;
    const value = this.#valueOf(row);
    return value === ZERO_HASH ? undefined : { key: this.#core.slots.keyOf(row), value };
  }

  #valueOf(row: number): Hash {
    const { slots, memory } = this.#core;
    return slots.valueOf(bodyAt(memory, slots.versionOf(row), slots.bodyOf(row), this.#moment.serial));
  }
}
