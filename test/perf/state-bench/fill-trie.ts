import type { CommittedState } from '../../../src/protocol/ports/state.ts';
import { type AccountDiff, createStateDiff, type SlotDiff, sortSlots } from '../../../src/protocol/state-diff.ts';
import type { ArenaStateTrie } from '../../../src/state/arena/arena-state-trie.ts';

/** Accounts, or slots of one account, that are handed over at once. */
const BATCH = 1_000;

/** Brings a whole state into an empty trie, as a sequencer does when it starts. */
export function fillTrie(trie: ArenaStateTrie, state: Pick<CommittedState, 'entries'>): void {
  let accounts: AccountDiff[] = [];
  const flush = (): void => {
    trie.apply(createStateDiff(accounts, []));
    accounts = [];
  };
  for (const { address, account, slots } of state.entries()) {
    accounts.push({ address, ...account });
    if (accounts.length === BATCH) flush();
    for (const batch of inBatches(slots)) trie.apply(createStateDiff([{ address, ...account, slots: sortSlots(batch) }], []));
  }
  flush();
  trie.root();
}

function* inBatches(slots: Iterable<SlotDiff>): Iterable<SlotDiff[]> {
  let batch: SlotDiff[] = [];
  for (const slot of slots) {
    if (batch.push(slot) < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
