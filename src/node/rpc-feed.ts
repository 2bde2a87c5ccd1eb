import type { BlockHeader } from '../protocol/block-header.ts';
import type { ChainState } from '../state/chain-state.ts';
import type { StateTable } from '../state/table/state-table.ts';
import type { TableMoment } from '../state/table/table-moment.ts';
import type { ChainChange } from '../store/chain-change.ts';
import type { ChainStore } from '../store/chain-store.ts';
import { invariant } from '../util/errors.ts';
import type { FedChange, RpcBegin } from './rpc-thread-api.ts';

export interface RpcFeedModules {
  readonly store: Pick<ChainStore, 'follow' | 'miniBlockNumber'>;
  readonly state: Pick<StateTable, 'momentAt' | 'rollbacks'>;
  readonly chainState: Pick<ChainState, 'readableBlocks'>;
  /** Headers from below the block that the chain begins with here. */
  readonly olderHeaders: readonly BlockHeader[];
}

/** Tells chain and state together, from one moment on: every change comes with the moment of the state that it leads to. */
export function feedRpc(
  { store, state, chainState, olderHeaders }: RpcFeedModules,
  feed: (fed: FedChange) => void,
): { readonly begin: RpcBegin; readonly stop: () => void } {
  const { begin: chain, stop } = store.follow((change) => feed({ change, moment: momentOf(change, { store, state }) }));
  const newest = state.momentAt(store.miniBlockNumber());
  invariant(newest !== undefined, 'the state of the newest mini-block is there');
  const blockEnds = chainState.readableBlocks().flatMap(({ blockNumber, lastMiniBlock }) => {
    const moment = state.momentAt(lastMiniBlock);
    return moment === undefined ? [] : [{ blockNumber, moment }];
  });
  return { begin: { chain, state: { newest, blockEnds }, olderHeaders }, stop };
}

function momentOf(change: ChainChange, { store, state }: Pick<RpcFeedModules, 'store' | 'state'>): TableMoment | undefined {
  if (change.kind === 'miniBlock') return state.momentAt(store.miniBlockNumber());
  if (change.kind !== 'rollback') return undefined;
  const target = state.momentAt(change.number);
  // The state goes back right after the store has told so: the target outlives that, too.
  return target && { ...target, rollbacks: state.rollbacks + 1 };
}
