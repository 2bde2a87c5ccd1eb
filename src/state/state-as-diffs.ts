import type { StateEntry } from '../protocol/ports/state.ts';
import { type AccountDiff, createStateDiff, encodeStateDiff, type SlotDiff, sortSlots } from '../protocol/state-diff.ts';
import type { Bytes } from '../util/bytes.ts';

/** Accounts and slots handed over at once: a message of about 100 kB. */
const KEYS_PER_DIFF = 1_000;

/** A whole state as canonical diffs against the empty one; one after the other they make it. */
export function* stateAsDiffs(entries: Iterable<StateEntry>): Iterable<Bytes> {
  let accounts: AccountDiff[] = [];
  let keys = 0;
  const take = (): Bytes => {
    const diff = encodeStateDiff(createStateDiff(accounts, []));
    accounts = [];
    keys = 0;
    return diff;
  };
  for (const { address, account, slots } of entries) {
    let part: SlotDiff[] = [];
    const add = (): void => {
      accounts.push({ address, ...account, ...(part.length > 0 && { slots: sortSlots(part) }) });
      part = [];
    };
    for (const slot of slots) {
      part.push(slot);
      if (++keys < KEYS_PER_DIFF) continue;
      // An account goes over several diffs when it has too many slots.
      add();
      yield take();
    }
    add();
    if (++keys >= KEYS_PER_DIFF) yield take();
  }
  if (accounts.length > 0) yield take();
}
