import type { StateView } from '../protocol/ports/state.ts';
import { invariant } from '../util/errors.ts';
import type { TableMoment } from './table/table-moment.ts';

/** Which state a view shows, as plain data: another thread with the same table and history makes the same view of it. */
export type StatePlace =
  /** Among the states in memory. */
  | { readonly kind: 'recent'; readonly moment: TableMoment }
  /** Of an old block: what changed later is on disk, the rest as in a recent state, see HistoryViews. */
  | {
      readonly kind: 'historical';
      readonly blockNumber: number;
      readonly recent: StatePlace;
      readonly rollbacks: bigint;
    };

/** A view that can be made in another thread, too. */
export interface PlacedState extends StateView {
  readonly place: StatePlace;
}

/** The place of a view that was made of shared memory. */
export function placeOf(view: StateView): StatePlace {
  invariant('place' in view, 'the view was made of shared memory');
  return (view as PlacedState).place;
}
