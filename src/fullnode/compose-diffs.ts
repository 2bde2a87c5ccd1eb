import { EMPTY_CODE_HASH } from '../protocol/primitives.ts';
import { type AccountDiff, createStateDiff, type SlotDiff, type StateDiff, sortSlots } from '../protocol/state-diff.ts';
import { type Bytes, toKey } from '../util/bytes.ts';

/**
 * Joins consecutive diffs, the later write winning. Unlike a block's net diff it may restate a value that did not
 * change over the whole range, since the old values are not known here: on a trie both lead to the same root.
 */
export function composeDiffs(diffs: readonly StateDiff[]): StateDiff {
  const accounts = new Map<string, AccountDiff>();
  const codes = new Map<string, Bytes>();
  for (const diff of diffs) {
    for (const account of diff.accounts) {
      const key = toKey(account.address);
      const before = accounts.get(key);
      accounts.set(key, before === undefined ? account : merge(before, account));
    }
    for (const code of diff.codes) codes.set(toKey(code), code);
  }
  return createStateDiff([...accounts.values()], [...codes.values()]);
}

function merge(before: AccountDiff, after: AccountDiff): AccountDiff {
  if (after.deleted) return after;
  // Recreated: what the later diff leaves out has the value of a new account, not that of the deleted one.
  const base: AccountDiff = before.deleted
    ? { address: before.address, nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH }
    : before;
  const slots = mergeSlots(base.slots, after.slots);
  return { ...base, ...after, ...(slots === undefined ? {} : { slots }) };
}

function mergeSlots(
  before: readonly SlotDiff[] | undefined,
  after: readonly SlotDiff[] | undefined,
): readonly SlotDiff[] | undefined {
  if (before === undefined || after === undefined) return after ?? before;
  const slots = new Map(before.map((slot) => [toKey(slot.key), slot]));
  for (const slot of after) slots.set(toKey(slot.key), slot);
  return sortSlots([...slots.values()]);
}
