import type { Address, Hash } from '../../protocol/primitives.ts';
import type { ReadGuard } from './sequence-lock.ts';
import type { TableCore } from './table-core.ts';

/** A slot that an account has, or had once. */
export interface KnownSlot {
  readonly row: number;
  readonly key: Hash;
}

/** Finds the rows of keys in a table, in the owner's thread or in another. */
export class RowFinder {
  readonly #core: TableCore;
  readonly #guard: ReadGuard;

  constructor(core: TableCore, guard: ReadGuard) {
    this.#core = core;
    this.#guard = guard;
  }

  /** -1: it has none. */
  accountRow(address: Address): number {
    return this.#guard(() => this.#core.accounts.find(address));
  }

  /** -1: it has none. */
  slotRow(address: Address, key: Hash): number {
    const { accounts, slots } = this.#core;
    return this.#guard(() => {
      const account = accounts.find(address);
      return account === -1 ? -1 : slots.find(account, key);
    });
  }

  /** Every slot that the account ever had, the newest first. */
  *slotsOf(accountRow: number): Iterable<KnownSlot> {
    const { accounts, slots } = this.#core;
    let row = this.#guard(() => accounts.firstSlot(accountRow));
    while (row !== -1) {
      const at = row;
      const { key, next } = this.#guard(() => ({ key: slots.keyOf(at), next: slots.nextOf(at) }));
      yield { row: at, key };
      row = next;
    }
  }

  codeHash(code: number): Hash {
    return this.#guard(() => this.#core.codes.hashOf(code));
  }
}
