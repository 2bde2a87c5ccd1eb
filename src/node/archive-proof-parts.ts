import type { Logger } from '../observability/logger.ts';
import type { MetricFactory } from '../observability/metrics.ts';
import type { StateProver } from '../protocol/ports/proofs.ts';
import { type ArchiveObserver, ArchiveProver } from '../state/archive/archive-prover.ts';
import type { RecentBlock } from '../state/archive/archive-trie.ts';
import { HistoryReach } from '../state/history-reach.ts';
import type { StateFollower } from '../state/state-follower.ts';
import type { TableHandle } from '../state/table/table-reader.ts';
import { startArchiveTrieThread } from './archive-trie-thread.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { SharedHistory } from './state-history-parts.ts';

export interface ArchiveProofParts {
  readonly recentProofs: StateProver;
  readonly follower: Pick<StateFollower, 'blockUpTo'>;
  readonly state: TableHandle;
  readonly history: SharedHistory;
  readonly metrics: MetricFactory;
  readonly logger: Logger;
  readonly life: Lifecycle;
}

/** A move to the next block, and one through a whole archive. */
const MOVE_BUCKETS_SECONDS = [0.001, 0.01, 0.05, 0.25, 1, 2.5, 5, 10, 30, 60, 300];

/** Proofs of all blocks whose state is on disk; the thread for the older ones starts when the first is asked for. */
export function proveStoredBlocks({ maxWaitMs }: { readonly maxWaitMs: number }, parts: ArchiveProofParts): ArchiveProver {
  const { recentProofs, follower, state, history, metrics, logger, life } = parts;
  const reach = HistoryReach.attach(history.reach);
  const prover = new ArchiveProver(
    { maxWaitMs },
    {
      ...{ recentProofs, reach, logger, observer: observe(metrics) },
      start: () => startArchiveTrieThread({ state, history }),
      recentBlock: () => recentBlockOf(reach, follower),
    },
  );
  life.onStop('proofs of old blocks', () => prover.stop());
  return prover;
}

function recentBlockOf(reach: HistoryReach, follower: ArchiveProofParts['follower']): RecentBlock | undefined {
  return reach.newest === undefined ? undefined : follower.blockUpTo(reach.newest);
}

function observe(factory: MetricFactory): ArchiveObserver {
  const seconds = factory.histogram({
    name: 'archive_trie_move_seconds',
    help: 'How long the state trie of old blocks took to get to a block that was asked for, and to be loaded before',
    buckets: MOVE_BUCKETS_SECONDS,
  });
  const bytes = factory.gauge({
    name: 'archive_trie_bytes',
    help: 'Memory of the state trie of old blocks; 0 while there is none',
  });
  const wrongRoots = factory.counter({
    name: 'archive_trie_wrong_roots_total',
    help: 'Old blocks whose stored state did not have the state root in their header, and that were not proven',
  });
  return {
    moved: (took, { trieBytes }) => {
      seconds.observe(took);
      bytes.set(trieBytes);
    },
    foundWrongRoot: () => wrongRoots.inc(),
    dropped: () => bytes.set(0),
  };
}
