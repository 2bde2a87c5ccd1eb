import type { StateEntry } from '../../protocol/ports/state.ts';
import type { SlotDiff } from '../../protocol/state-diff.ts';
import type { CodeHashes } from './account-rows.ts';
import type { TableCore } from './table-core.ts';

/** Every account of a table with its storage, in the order of their rows; the table must stand still meanwhile. */
export function* entriesOf(core: TableCore, codes: CodeHashes): Iterable<StateEntry> {
  const { accounts } = core;
  for (let row = 0; row < accounts.count; row++) {
    const account = accounts.read(accounts.bodyOf(row), codes);
    if (account !== undefined) yield { address: accounts.addressOf(row), account, slots: slotsOf(core, row) };
  }
}

/** The slots of an account that are not zero. */
export function* slotsOf({ accounts, slots }: TableCore, accountRow: number): Iterable<SlotDiff> {
  for (let row = accounts.firstSlot(accountRow); row !== -1; row = slots.nextOf(row)) {
    const body = slots.bodyOf(row);
    if (!slots.isClear(body)) yield { key: slots.keyOf(row), value: slots.valueOf(body) };
  }
}
