import type { StateView } from '../protocol/ports/state.ts';
import type { Bytes } from '../util/bytes.ts';
import { invariant, isStrobeError } from '../util/errors.ts';
import { HISTORY_BLOCKS } from './chain-state.ts';
import type { MiniBlockStates } from './mini-block-changes.ts';
import type { NamedRange } from './table/net-range.ts';
import type { TableMoment } from './table/table-moment.ts';
import type { TableReader } from './table/table-reader.ts';

/** Moments of a table at the begin of following it. */
export interface StateBegin {
  /** The newest mini-block. */
  readonly newest: TableMoment;
  /** Ends of the sealed blocks whose state can be read, oldest first. */
  readonly blockEnds: readonly { readonly blockNumber: number; readonly moment: TableMoment }[];
}

export interface StateFollowerModules {
  readonly reader: Pick<TableReader, 'at' | 'keeps' | 'netDiffOf'>;
  /** The owner's `StateTable.rangeOf`. */
  readonly rangeOf: (from: number, to: number) => Promise<NamedRange | undefined>;
  /** The newest block whose state is on disk; undefined: none is, or none is kept there. */
  readonly newestStored?: () => number | undefined;
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
  readonly #modules: StateFollowerModules;
  readonly #blockEnds = new Map<number, Pinned>();
  #newest: Pinned;
  #newestSealed: number;

  constructor({ newest, blockEnds }: StateBegin, modules: StateFollowerModules) {
    this.#modules = modules;
    this.#newest = { ...newest };
    for (const { blockNumber, moment } of blockEnds) this.#blockEnds.set(blockNumber, { ...moment });
    this.#newestSealed = blockEnds.at(-1)?.blockNumber ?? 0;
  }

  /** The newest mini-block's. */
  latest(): StateView {
    return this.#modules.reader.at(this.#newest);
  }

  /** A mini-block of the newest blocks, for whoever asks what it changed. */
  async statesOf(number: number): Promise<MiniBlockStates | undefined> {
    const { reader, rangeOf } = this.#modules;
    const range = await rangeOf(number - 1, number);
    if (range === undefined) return undefined;
    const { rollbacks, to } = range;
    return { after: reader.at({ ...to, rollbacks }), netDiff: () => reader.netDiffOf(range) };
  }

  /** Canonical bytes of what the newest state has changed since the end of mini-block `since`; undefined when it is not known. */
  async changesSince(since: number): Promise<Bytes | undefined> {
    const { reader, rangeOf } = this.#modules;
    const newest = this.#newest;
    const range = await rangeOf(since, newest.number);
    if (range === undefined || range.to.serial !== newest.serial) return undefined;
    try {
      return reader.netDiffOf(range);
    } catch (error) {
      if (isStrobeError(error, 'STATE_FORGOTTEN')) return undefined;
      throw error;
    }
  }

  /** At the end of a sealed block; undefined when it is not kept. */
  stateAt(blockNumber: number): StateView | undefined {
    const { reader } = this.#modules;
    const moment = this.#blockEnds.get(blockNumber);
    return moment && reader.keeps(moment) ? reader.at(moment) : undefined;
  }

  /** At the end of a sealed block, or of the newest one that is known here when the block has not been heard of yet. */
  stateUpTo(blockNumber: number): StateView | undefined {
    return this.stateAt(Math.min(blockNumber, this.#newestSealed));
  }

  /** The oldest block that {@link StateFollower.stateAt} has; undefined when it has none. */
  oldestBlock(): number | undefined {
    for (const [blockNumber, moment] of this.#blockEnds) if (this.#modules.reader.keeps(moment)) return blockNumber;
    return undefined;
  }

  onMiniBlock(moment: TableMoment): void {
    this.#newest = { ...moment };
  }

  /** The newest mini-block was the last one of a block. */
  onSealed(blockNumber: number): void {
    this.#blockEnds.set(blockNumber, this.#newest);
    this.#newestSealed = blockNumber;
    const needed = this.#oldestNeeded(blockNumber);
    for (const oldest of this.#blockEnds.keys()) {
      if (oldest >= needed) break;
      this.#blockEnds.delete(oldest);
    }
  }

  /**
   * What is not on disk yet is read from memory however far the disk is behind, and with it all that is on disk, which
   * goes on from there. The owner of the table bounds how much it keeps for that; what it gives up is not `keeps` any more.
   */
  #oldestNeeded(newest: number): number {
    return Math.min(newest - HISTORY_BLOCKS, this.#modules.newestStored?.() ?? newest);
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
    this.#newestSealed = sealed;
    this.#newest = { ...target };
  }
}
