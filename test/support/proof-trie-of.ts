import type { CommittedState, NetDiffComposer } from '../../src/protocol/ports/state.ts';
import { createStateDiff, encodeStateDiff, sortSlots } from '../../src/protocol/state-diff.ts';
import type { ProofTrieHost } from '../../src/state/proof-trie.ts';
import { ProofTrieFeed, type ProofTrieFeedModules } from '../../src/state/proof-trie-feed.ts';
import { inlineNetDiffs } from './net-diffs.ts';

/** A feed beside a state that lies in no shared memory. */
export function proofTrieFeed(
  host: ProofTrieHost,
  state: CommittedState,
  modules: Pick<ProofTrieFeedModules, 'chain' | 'logger'>,
  netDiffs: NetDiffComposer = inlineNetDiffs(state),
): ProofTrieFeed {
  const load = async (): Promise<void> => {
    const accounts = [...state.entries()].map(({ address, account, slots }) => {
      const sorted = sortSlots([...slots]);
      return { address, ...account, ...(sorted.length > 0 && { slots: sorted }) };
    });
    host.apply(encodeStateDiff(createStateDiff(accounts, [])));
  };
  return new ProofTrieFeed({ host, load, state, netDiffs, ...modules });
}
