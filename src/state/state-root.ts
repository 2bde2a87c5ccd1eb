import type { CommittedState, StateEntry } from '../protocol/ports/state.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { AccountDiff, SlotDiff } from '../protocol/state-diff.ts';
import { ArenaStateTrie } from './arena/arena-state-trie.ts';

/** Accounts and slots handed to the trie at a time: garbage that is gone before it is copied. */
const BATCH = 1_024;

/**
 * Fills an empty trie with a whole state.
 * @throws StrobeError TRIE_ARENA_FAILED when the memory is full
 */
export function fillTrie(trie: ArenaStateTrie, entries: Iterable<StateEntry>): void {
  let accounts: AccountDiff[] = [];
  let size = 0;
  const flush = (): void => {
    trie.apply({ accounts, codes: [] });
    accounts = [];
    size = 0;
  };
  for (const { address, account, slots } of entries) {
    let batch: SlotDiff[] = [];
    accounts.push({ address, ...account, slots: batch });
    size++;
    for (const slot of slots) {
      batch.push(slot);
      if (++size < BATCH) continue;
      flush();
      batch = [];
      // The rest of its slots: the trie has the account already.
      accounts.push({ address, slots: batch });
    }
    if (size >= BATCH) flush();
  }
  flush();
}

/**
 * The root of a whole state, in a trie that is thrown away.
 * @throws StrobeError TRIE_ARENA_FAILED when the memory is full
 */
export function stateRootOf(state: Pick<CommittedState, 'entries'>): Hash {
  const trie = new ArenaStateTrie();
  fillTrie(trie, state.entries());
  return trie.root();
}
