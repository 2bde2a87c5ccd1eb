import type { PeerOffers } from '../../protocol/ports/network.ts';
import type { AttestedOffer } from './attested-offers.ts';
import type { ProverSet, SyncMode } from './snapshot-sync-types.ts';

export interface SyncChoiceOptions extends ProverSet {
  readonly mode: SyncMode;
  /** How far a chain must have come for a new node to begin with a snapshot though ranges would do. */
  readonly gapBlocks: number;
}

/** Where this node stands. */
export interface SyncPoint {
  /** Newest mini-block. */
  readonly headNumber: number;
  /** Newest sealed block. */
  readonly headBlock: number;
}

export interface SyncView {
  readonly answers: readonly PeerOffers[];
  /** Newest first. */
  readonly offers: readonly AttestedOffer[];
  /** True for what an earlier process began to collect. */
  readonly isBegun: (offer: AttestedOffer) => boolean;
  /** Peers were asked for ranges again and again and none gave any: what they say of their logs is not true. */
  readonly rangesFail: boolean;
}

export type SyncChoice =
  | { readonly kind: 'range' }
  | { readonly kind: 'snapshot'; readonly offer: AttestedOffer }
  /** Neither is to be had; ranges are tried on, and a person is told why. */
  | { readonly kind: 'stuck'; readonly reason: string };

/** Decides how a node that is behind goes on. Pure. */
export function chooseSync(point: SyncPoint, view: SyncView, options: SyncChoiceOptions): SyncChoice {
  const { headNumber, headBlock } = point;
  const logs = view.answers.flatMap(({ logFirst }) => (logFirst === undefined ? [] : [logFirst]));
  const reachesBack = !view.rangesFail && (logs.length === 0 || logs.some((logFirst) => logFirst <= headNumber));
  const newer = options.mode === 'full' ? [] : view.offers.filter(({ blockNumber }) => blockNumber > headBlock);
  // The one that was begun goes on though there may be a newer one by now: most of it may be here.
  const offer = newer.find(view.isBegun) ?? newer[0];
  // Whoever has blocks would lose their history, so that takes ranges for as long as there are any.
  const isWorthIt = headBlock === 0 && offer !== undefined && offer.blockNumber >= options.gapBlocks;
  if (offer !== undefined && (!reachesBack || isWorthIt)) {
    return { kind: 'snapshot', offer };
  }
  if (reachesBack) return { kind: 'range' };
  const oldest = Math.min(...logs);
  const peers =
    Number.isFinite(oldest) && oldest > headNumber
      ? `the logs of its peers begin at ${oldest}`
      : 'its peers do not give what follows';
  return { kind: 'stuck', reason: `this node is at mini-block ${headNumber}, ${peers}, and ${whyNoSnapshot(view, options)}` };
}

function whyNoSnapshot({ answers }: SyncView, { mode, threshold, provers }: SyncChoiceOptions): string {
  if (mode === 'full') return 'sync.mode is full: set it to snapshot, or import one';
  const count = answers.reduce((sum, { snapshots }) => sum + snapshots.length, 0);
  if (count === 0) return 'no peer offers a snapshot';
  return `none of the ${count} snapshots on offer is newer, attested by ${threshold} of ${provers.length} provers and not found false`;
}
