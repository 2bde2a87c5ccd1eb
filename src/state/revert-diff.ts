import type { StateView } from '../protocol/ports/state.ts';
import { type AccountDiff, createStateDiff, type StateDiff, sortSlots } from '../protocol/state-diff.ts';

/**
 * The diff that leads back to `before` from the state that `forward` led to. It says more than what differs, which does
 * a trie no harm, and brings no codes.
 */
export function revertDiff(forward: StateDiff, before: StateView): StateDiff {
  return createStateDiff(
    forward.accounts.map((changed) => revertAccount(changed, before)),
    [],
  );
}

function revertAccount({ address, deleted, slots }: AccountDiff, before: StateView): AccountDiff {
  const account = before.getAccount(address);
  if (account === undefined) return { address, deleted: true };
  // What was deleted took its storage with it.
  const keys = deleted ? [...before.storageOf(address)] : (slots ?? []);
  const old = keys.map(({ key }) => ({ key, value: before.getStorage(address, key) }));
  return { address, ...account, ...(old.length > 0 && { slots: sortSlots(old) }) };
}
