import type { OldValueReader, RowKind } from '../protocol/ports/history.ts';
import type { StateView } from '../protocol/ports/state.ts';
import { type Account, type Address, type Hash, ZERO_HASH } from '../protocol/primitives.ts';
import type { SlotDiff } from '../protocol/state-diff.ts';
import { type Bytes, isZeroBytes } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import type { HistoryReach } from './history-reach.ts';
import { type PlacedState, placeOf, type StatePlace } from './state-place.ts';
import type { RowFinder } from './table/row-finder.ts';
import { unpackAccount, unpackValue } from './table/row-values.ts';
import { ChunkReader } from './table/snapshot-format.ts';

export interface HistoryViewModules {
  readonly oldValues: OldValueReader;
  readonly rows: RowFinder;
  readonly reach: HistoryReach;
  /** State in memory at the end of the newest stored block, or of one before that is known; undefined when it is not kept. */
  readonly recentAt: (blockNumber: number) => StateView | undefined;
}

/**
 * State at the end of old blocks. What stored blocks changed later is on disk, everything else is as in a recent state in
 * memory. Works in any thread that has its own modules.
 */
export class HistoryViews {
  readonly #modules: HistoryViewModules;

  constructor(modules: HistoryViewModules) {
    this.#modules = modules;
  }

  /** The oldest block that {@link HistoryViews.at} has. */
  get oldest(): number | undefined {
    const { reach, recentAt } = this.#modules;
    const { oldest, newest } = reach;
    return newest === undefined || recentAt(newest) === undefined ? undefined : oldest;
  }

  /** Undefined when the history does not have the block, or does not meet the states in memory. */
  at(blockNumber: number): StateView | undefined {
    const { reach, recentAt } = this.#modules;
    const { rollbacks, oldest, newest } = reach;
    if (oldest === undefined || newest === undefined || blockNumber < oldest || blockNumber > newest) return undefined;
    const recent = recentAt(newest);
    return recent && this.view({ blockNumber, recent, rollbacks });
  }

  /** The same view that another thread has, by what {@link PlacedState.place} told of it there. */
  view(moment: HistoricalMoment): PlacedState {
    return new HistoricalState(this.#modules, moment);
  }
}

export interface HistoricalMoment {
  readonly blockNumber: number;
  /** State at the end of a stored block that is not older. */
  readonly recent: StateView;
  /** Seen when the recent state was taken. */
  readonly rollbacks: bigint;
}

/**
 * A value is looked up on disk first and in the recent state then: what no block up to the newest stored one changed is
 * there as it was, whichever blocks are stored meanwhile.
 */
class HistoricalState implements PlacedState {
  readonly #modules: HistoryViewModules;
  readonly #moment: HistoricalMoment;

  constructor(modules: HistoryViewModules, moment: HistoricalMoment) {
    this.#modules = modules;
    this.#moment = moment;
  }

  get place(): StatePlace {
    const { recent, ...moment } = this.#moment;
    return { kind: 'historical', ...moment, recent: placeOf(recent) };
  }

  getAccount(address: Address): Account | undefined {
    const { rows } = this.#modules;
    const row = rows.accountRow(address);
    if (row === -1) return undefined;
    const old = this.#find('account', row);
    if (old === undefined) return this.#moment.recent.getAccount(address);
    return old.length === 0 ? undefined : unpackAccount(new ChunkReader(old), (code) => rows.codeHash(code));
  }

  getStorage(address: Address, key: Hash): Hash {
    const row = this.#modules.rows.slotRow(address, key);
    return row === -1 ? ZERO_HASH : this.#slotValue(row, address, key);
  }

  /** Codes are never forgotten, so that the recent state knows all that an older one does. */
  getCode(codeHash: Hash): Bytes | undefined {
    return this.#moment.recent.getCode(codeHash);
  }

  *storageOf(address: Address): Iterable<SlotDiff> {
    const { rows } = this.#modules;
    const account = rows.accountRow(address);
    if (account === -1) return;
    for (const { row, key } of rows.slotsOf(account)) {
      const value = this.#slotValue(row, address, key);
      if (!isZeroBytes(value)) yield { key, value };
    }
  }

  #slotValue(row: number, address: Address, key: Hash): Hash {
    const old = this.#find('slot', row);
    if (old === undefined) return this.#moment.recent.getStorage(address, key);
    return old.length === 0 ? ZERO_HASH : unpackValue(old);
  }

  #find(kind: RowKind, row: number): Bytes | undefined {
    const { oldValues, reach } = this.#modules;
    const { blockNumber, rollbacks } = this.#moment;
    const old = oldValues.find(kind, row, blockNumber);
    if (reach.rollbacks === rollbacks) return old;
    throw new StrobeError(
      'STATE_FORGOTTEN',
      `historical state is not available: blocks were undone while that of block ${blockNumber} was being read`,
      {
        blockNumber,
      },
    );
  }
}
