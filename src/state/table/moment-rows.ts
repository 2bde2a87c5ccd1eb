import type { Account, Address, Hash } from '../../protocol/primitives.ts';
import { bodyAt } from './old-values.ts';
import type { PastMoment } from './past-state.ts';
import type { TableCore } from './table-core.ts';

/** An account by its row. */
export interface AccountOfRow {
  readonly address: Address;
  /** Undefined: it did not exist. */
  readonly account: Account | undefined;
}

/** A slot by its row. */
export interface SlotOfRow {
  /** Row of its account. */
  readonly owner: number;
  readonly address: Address;
  readonly key: Hash;
  /** Zero when it was clear. */
  readonly value: Hash;
}

/** Reads a table by row numbers, with the values of one moment. Every call throws STATE_FORGOTTEN once that is not kept any more. */
export class MomentRows {
  readonly #core: TableCore;
  readonly #moment: PastMoment;

  constructor(core: TableCore, moment: PastMoment) {
    this.#core = core;
    this.#moment = moment;
  }

  get accountCount(): number {
    return this.#moment.mark.accounts;
  }

  get slotCount(): number {
    return this.#moment.mark.slots;
  }

  /** Some hundred at a time, so that a busy writer lets them be read; below {@link MomentRows.accountCount}. */
  accounts(rows: readonly number[]): AccountOfRow[] {
    const { accounts, codes, memory } = this.#core;
    const { guard, serial } = this.#moment;
    return guard(() =>
      rows.map((row) => ({
        address: accounts.addressOf(row),
        account: accounts.read(bodyAt(memory, accounts.versionOf(row), accounts.bodyOf(row), serial), codes),
      })),
    );
  }

  /** As {@link MomentRows.accounts}; below {@link MomentRows.slotCount}. */
  slots(rows: readonly number[]): SlotOfRow[] {
    const { accounts, slots, memory } = this.#core;
    const { guard, serial } = this.#moment;
    return guard(() =>
      rows.map((row) => {
        const owner = slots.accountOf(row);
        const body = bodyAt(memory, slots.versionOf(row), slots.bodyOf(row), serial);
        return { owner, address: accounts.addressOf(owner), key: slots.keyOf(row), value: slots.valueOf(body) };
      }),
    );
  }

  codeHash(code: number): Hash {
    return this.#moment.guard(() => this.#core.codes.hashOf(code));
  }
}
