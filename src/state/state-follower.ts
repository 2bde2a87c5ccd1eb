import type { StateView } from '../protocol/ports/state.ts';
import { invariant } from '../util/errors.ts';
import { HISTORY_BLOCKS } from './chain-state.ts';
import type { TableMoment } from './table/table-moment.ts';
import type { TableReader } from './table/table-reader.ts';

/** Moments of a table at the begin of following it. */
export interface StateBegin {
  /** The newest mini-block. */
  readonly newest: TableMoment;
  /** Ends of the sealed blocks whose state can be read, oldest first. */
  readonly blockEnds: readonly { readonly blockNumber: number; readonly moment: TableMoment }[];
}

/** A moment that may turn out to have outlived further rollbacks. */
interface Pinned extends TableMoment {
  rollbacks: number;
}

/**
 * The state as a thread that follows the chain sees it: each view is of one mini-block, however far the owner of the
 * table has gone on. No view holds the owner up; one whose old values are gone throws STATE_FORGOTTEN.
 */
export class StateFollower {
  readonly #reader: Pick<TableReader, 'at'>;
  readonly #blockEnds = new Map<number, Pinned>();
  #newest: Pinned;

  constructor({ newest, blockEnds }: StateBegin, modules: { readonly reader: Pick<TableReader, 'at'> }) {
    this.#reader = modules.reader;
    this.#newest = { ...newest };
    for (const { blockNumber, moment } of blockEnds) this.#blockEnds.set(blockNumber, { ...moment });
  }

  /** The newest mini-block's. */
  latest(): StateView {
    return this.#reader.at(this.#newest);
  }

  /** At the end of a sealed block; undefined when it is not kept. */
  stateAt(blockNumber: number): StateView | undefined {
    const moment = this.#blockEnds.get(blockNumber);
    return moment && this.#reader.at(moment);
  }

  onMiniBlock(moment: TableMoment): void {
    this.#newest = { ...moment };
  }

  /** The newest mini-block was the last one of a block. */
  onSealed(blockNumber: number): void {
    this.#blockEnds.set(blockNumber, this.#newest);
    this.#blockEnds.delete(blockNumber - HISTORY_BLOCKS - 1);
  }

  /**
   * Mini-blocks behind `target` are undone, or will be at once: moments up to it outlive as many rollbacks as it does.
   * @param sealed the newest block that is still sealed
   */
  onRollback(target: TableMoment, sealed: number): void {
    invariant(target.number <= this.#newest.number, 'a rollback goes back');
    for (const [blockNumber, moment] of this.#blockEnds) {
      if (blockNumber > sealed) this.#blockEnds.delete(blockNumber);
      else moment.rollbacks = target.rollbacks;
    }
    this.#newest = { ...target };
  }
}
