import type { Logger } from '../observability/logger.ts';
import type { ReceiptProver } from '../protocol/ports/chain.ts';
import type { StateProver } from '../protocol/ports/proofs.ts';
import type { StateNodes } from '../protocol/ports/simulation.ts';
import type { NetDiffComposer } from '../protocol/ports/state.ts';
import { BlockReceiptProver } from '../state/block-receipt-prover.ts';
import { startProofTrieThread } from '../state/proof-trie.ts';
import { ProofTrieFeed } from '../state/proof-trie-feed.ts';
import { startReceiptTriesThread } from '../state/receipt-tries-host.ts';
import type { RootsHost } from '../state/roots-host.ts';
import { followSafeRoots } from '../state/safe-roots.ts';
import { SlicedProver } from '../state/sliced-prover.ts';
import type { TrieHistoryHost } from '../state/trie-history-host.ts';
import { errorMessage } from '../util/errors.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { ChainStorage } from './open-storage.ts';

export interface ProofParts {
  readonly storage: Pick<ChainStorage, 'store' | 'state'>;
  readonly logger: Logger;
  readonly life: Lifecycle;
}

/** What a state trie is asked for. */
export interface StateProofs {
  readonly stateProofs: StateProver;
  readonly stateNodes: StateNodes;
}

/** On a sequencer the tries that make the blocks' roots prove their state, too. */
export function proveFromRoots(roots: RootsHost, { storage, logger, life }: ProofParts): StateProofs {
  const { store: chain } = storage;
  life.onStop(
    'safe roots',
    followSafeRoots({ chain, logger }, (stateRoot) => roots.keepFrom(stateRoot)),
  );
  return proofsOf(roots);
}

/**
 * On a replica that is told to, a trie of its own; undefined on others. The chain must stand still until this resolves.
 */
export async function proveFromOwnTrie(
  { trie, proofBlocks }: { readonly trie: boolean; readonly proofBlocks: number },
  { storage, netDiffs, logger, life }: ProofParts & { readonly netDiffs: NetDiffComposer },
): Promise<StateProofs | Record<keyof StateProofs, undefined>> {
  if (!trie) return { stateProofs: undefined, stateNodes: undefined };
  const host = startProofTrieThread({ blocks: proofBlocks });
  life.onStop('proof trie thread', () => host.stop());
  life.watch(host.failed);
  const { store: chain, state } = storage;
  const load = () => host.load(state.share());
  const feed = new ProofTrieFeed({ host, load, state, netDiffs, chain, logger: logger.child({ component: 'proofs' }) });
  await feed.start();
  life.onStop('proof trie', () => feed.stop());
  return proofsOf(feed);
}

function proofsOf(host: Pick<TrieHistoryHost, 'prove' | 'nodes'>): StateProofs {
  return {
    stateProofs: new SlicedProver((request) => host.prove(request)),
    // Executors carry out a simulation at a time each, so there is no crowd to keep from the thread.
    stateNodes: { nodes: (stateRoot, changes) => host.nodes({ stateRoot, changes }) },
  };
}

/** The thread starts with the first receipt that is to be proven: most nodes never are asked. */
export function proveReceipts({ logger, life }: Omit<ProofParts, 'storage'>): ReceiptProver {
  let started: BlockReceiptProver | undefined;
  const start = (): BlockReceiptProver => {
    const host = startReceiptTriesThread();
    life.onStop('receipt proof thread', () => host.stop());
    host.failed.catch((error: unknown) => {
      logger.error({ err: error }, `receipt proofs failed, the next begin anew: ${errorMessage(error)}`);
      started = undefined;
    });
    return new BlockReceiptProver(host);
  };
  return {
    prove: (block, transactionIndex) => {
      started ??= start();
      return started.prove(block, transactionIndex);
    },
  };
}
