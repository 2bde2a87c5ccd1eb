import type { AccountUndo, StateUndo } from '../protocol/ports/state.ts';
import { type Account, type Address, type Hash, ZERO_HASH } from '../protocol/primitives.ts';
import { type AccountDiff, codesByHash, createStateDiff, type SlotDiff, type StateDiff } from '../protocol/state-diff.ts';
import { type Bytes, bytesEqual, fromKey, toKey } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';
import { ABSENT_ACCOUNT, mergeAccount } from './flat-state.ts';

interface SlotChange {
  readonly before: Hash;
  after: Hash;
}

interface AccountChange {
  readonly address: Address;
  readonly before: Account | undefined;
  after: Account | undefined;
  readonly slots: Map<string, SlotChange>;
}

/**
 * Composes the diffs of a block's mini-blocks into the block's net diff (PROTOCOL section 3): relative to the state
 * before the block, without what returned to its value there.
 *
 * Codes are never dropped: a mini-block's diff lists only codes new to the chain, so later diffs rely on each of them
 * even when the account that brought it is gone at the end of the block.
 */
export class BlockDiffAccumulator {
  readonly #accounts = new Map<string, AccountChange>();
  readonly #codes = new Map<string, Bytes>();

  /** @param undo what applying `diff` returned: it says the values before */
  add(diff: StateDiff, undo: StateUndo): void {
    const undoByKey = new Map(undo.accounts.map((account) => [toKey(account.address), account]));
    for (const account of diff.accounts) {
      const key = toKey(account.address);
      const accountUndo = undoByKey.get(key);
      invariant(accountUndo !== undefined, 'an undo lists every account of its diff');
      this.#addAccount(key, account, accountUndo);
    }
    for (const [key, code] of codesByHash(diff)) this.#codes.set(key, code);
  }

  net(): StateDiff {
    const accounts: AccountDiff[] = [];
    for (const change of this.#accounts.values()) {
      const diff = netAccount(change);
      if (diff !== undefined) accounts.push(diff);
    }
    return createStateDiff(accounts, [...this.#codes.values()]);
  }

  reset(): void {
    this.#accounts.clear();
    this.#codes.clear();
  }

  #addAccount(key: string, diff: AccountDiff, undo: AccountUndo): void {
    let change = this.#accounts.get(key);
    if (change === undefined) {
      change = { address: diff.address, before: undo.before, after: undo.before, slots: new Map() };
      this.#accounts.set(key, change);
    }
    const { slots } = change;
    // The undo lists the slots of a deleted account too, which the diff leaves out.
    for (const { key: slot, value } of undo.slots) {
      const slotKey = toKey(slot);
      if (!slots.has(slotKey)) slots.set(slotKey, { before: value, after: value });
    }
    if (diff.deleted) {
      change.after = undefined;
      for (const slot of slots.values()) slot.after = ZERO_HASH;
      return;
    }
    change.after = mergeAccount(change.after, diff);
    for (const { key: slot, value } of diff.slots ?? []) {
      const slotChange = slots.get(toKey(slot));
      invariant(slotChange !== undefined, 'an undo lists every slot of its diff');
      slotChange.after = value;
    }
  }
}

function netAccount({ address, before, after, slots }: AccountChange): AccountDiff | undefined {
  if (after === undefined) return before === undefined ? undefined : { address, deleted: true };
  const old = before ?? ABSENT_ACCOUNT;
  const changed = netSlots(slots);
  const diff: AccountDiff = {
    address,
    ...(after.nonce !== old.nonce && { nonce: after.nonce }),
    ...(after.balance !== old.balance && { balance: after.balance }),
    ...(!bytesEqual(after.codeHash, old.codeHash) && { codeHash: after.codeHash }),
    ...(changed.length > 0 && { slots: changed }),
  };
  return Object.keys(diff).length === 1 ? undefined : diff;
}

function netSlots(slots: ReadonlyMap<string, SlotChange>): SlotDiff[] {
  return [...slots]
    .filter(([, { before, after }]) => !bytesEqual(before, after))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { after }]) => ({ key: fromKey(key), value: after }));
}
