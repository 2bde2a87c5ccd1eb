import type { BlockChanges } from '../../protocol/ports/history.ts';
import type { StateEntry, StateReader } from '../../protocol/ports/state.ts';
import type { StateSnapshot } from '../../protocol/ports/state-snapshot.ts';
import { type Account, type Address, type Hash, ZERO_HASH } from '../../protocol/primitives.ts';
import { type Bytes, toKey } from '../../util/bytes.ts';
import { invariant, StrobeError } from '../../util/errors.ts';
import type { PlacedState, StatePlace } from '../state-place.ts';
import { composeBlockChanges } from './block-changes.ts';
import { CONTROL_MAGIC, CONTROL_NUMBER, CONTROL_ROLLBACKS, CONTROL_VERSION, LAYOUT_MAGIC, LAYOUT_VERSION } from './layout.ts';
import { MomentRows } from './moment-rows.ts';
import { composeNetDiff } from './net-diff.ts';
import type { NamedRange, NetRange } from './net-range.ts';
import { type KnownCodes, type PastMoment, PastState } from './past-state.ts';
import { RecentEntries } from './recent-entries.ts';
import { findRetained, isRetained } from './retained-numbers.ts';
import { RowFinder } from './row-finder.ts';
import { type ReadGuard, SequenceLock } from './sequence-lock.ts';
import { isKept } from './serials.ts';
import { TableCore } from './table-core.ts';
import { entriesOf } from './table-entries.ts';
import type { SharedMemory } from './table-memory.ts';
import type { TableMoment } from './table-moment.ts';
import { TableSnapshot } from './table-snapshot.ts';

/** What `postMessage` hands to another thread: the memory, whose first pages say where everything is. */
export interface TableHandle {
  readonly memory: SharedMemory;
}

/** A state that its owner has named to other threads. */
class NamedState extends PastState implements PlacedState {
  readonly #named: TableMoment;

  constructor(core: TableCore, codes: KnownCodes, { moment, ...past }: PastMoment & { readonly moment: TableMoment }) {
    super(core, codes, past);
    this.#named = moment;
  }

  get place(): StatePlace {
    // As it is known by now: a moment may turn out to have outlived further rollbacks.
    return { kind: 'recent', moment: { ...this.#named } };
  }
}

/** Reads a table that another thread owns, always whole mini-blocks of it. A read may wait for an application to end. */
export class TableReader implements StateReader {
  readonly #core: TableCore;
  readonly #lock: SequenceLock;
  /** Codes that were read lately, by hash. */
  readonly #codes: RecentEntries<string, Bytes>;

  /** @param maxCodeBytes see {@link RecentEntries} */
  static attach(handle: TableHandle, maxCodeBytes?: number): TableReader {
    return new TableReader(handle, maxCodeBytes);
  }

  private constructor({ memory }: TableHandle, maxCodeBytes: number | undefined) {
    this.#codes = new RecentEntries(maxCodeBytes);
    this.#core = new TableCore(memory);
    this.#lock = new SequenceLock(this.#core.memory);
    const words = this.#core.memory;
    invariant(
      words.get(CONTROL_MAGIC) === LAYOUT_MAGIC && words.get(CONTROL_VERSION) === LAYOUT_VERSION,
      'both threads run the same version of the state table',
    );
  }

  /** The newest mini-block applied. */
  get number(): number {
    return this.#lock.read(() => this.#core.memory.getNumber(CONTROL_NUMBER));
  }

  /** Result of several reads of this reader or of one state, made again when it changed meanwhile. */
  consistent<Result>(look: () => Result): Result {
    return this.#lock.read(look);
  }

  getAccount(address: Address): Account | undefined {
    const { accounts, codes } = this.#core;
    return this.#lock.read(() => {
      const row = accounts.find(address);
      return row === -1 ? undefined : accounts.read(accounts.bodyOf(row), codes);
    });
  }

  getStorage(address: Address, key: Hash): Hash {
    const { accounts, slots } = this.#core;
    return this.#lock.read(() => {
      const account = accounts.find(address);
      const row = account === -1 ? -1 : slots.find(account, key);
      return row === -1 ? ZERO_HASH : slots.valueOf(slots.bodyOf(row));
    });
  }

  getCode(codeHash: Hash): Bytes | undefined {
    const { codes } = this.#core;
    const key = toKey(codeHash);
    const found = this.#lock.read(() => {
      const number = codes.find(codeHash);
      return number <= 0 ? undefined : codes.placeOf(number);
    });
    if (found === undefined) return undefined;
    const known = this.#codes.get(key);
    if (known !== undefined) return known;
    const code = new Uint8Array(found.length);
    const isSame = this.#lock.read(() => {
      const number = codes.find(codeHash);
      if (number <= 0 || codes.placeOf(number).address !== found.address) return false;
      code.set(this.#core.memory.bytes(found.address, found.length));
      return true;
    });
    if (!isSame) return this.getCode(codeHash);
    this.#codes.set(key, code);
    return code;
  }

  /**
   * The state at a moment that the owner named. Nobody holds it there: reads throw StrobeError STATE_FORGOTTEN when old
   * values do not reach back to it any more, or mini-blocks were undone that `moment` is not known to have outlived.
   */
  at(moment: TableMoment): PlacedState {
    const { codes } = this.#core;
    const known: KnownCodes = { hashOf: (code) => codes.hashOf(code), getCode: (codeHash) => this.getCode(codeHash) };
    return new NamedState(this.#core, known, { moment, ...this.#pastMoment(moment) });
  }

  /** As {@link TableReader.at}, by row numbers. */
  rowsAt(moment: TableMoment): MomentRows {
    return new MomentRows(this.#core, this.#pastMoment(moment));
  }

  #pastMoment(moment: TableMoment): PastMoment {
    const { memory } = this.#core;
    const { number, serial, mark } = moment;
    const guard: ReadGuard = (look) =>
      this.#lock.read(() => {
        // Whoever gave the moment may learn that it has outlived more of them.
        if (memory.get(CONTROL_ROLLBACKS) > moment.rollbacks || !isKept(memory, serial)) {
          throw new StrobeError('STATE_FORGOTTEN', `the state of mini-block ${number} is not kept any more`, { number });
        }
        return look();
      });
    return { serial, mark, guard };
  }

  /** False: reads of {@link TableReader.at} would throw. */
  keeps({ serial, rollbacks }: TableMoment): boolean {
    const { memory } = this.#core;
    return this.#lock.read(() => memory.get(CONTROL_ROLLBACKS) <= rollbacks && isKept(memory, serial));
  }

  /** Every account with its storage; their owner must leave them as they are until all is read. */
  entries(): Iterable<StateEntry> {
    return entriesOf(this.#core, this.#core.codes);
  }

  /** The state at the end of mini-block `number`, which its owner retains; undefined when it does not. */
  snapshot(number: number): StateSnapshot | undefined {
    const { memory } = this.#core;
    const moment = this.#lock.read(() => findRetained(memory, number));
    if (moment === undefined) return undefined;
    const { serial } = moment;
    return new TableSnapshot(this.#core, moment, (look) =>
      this.#lock.read(() => {
        if (!isRetained(memory, serial) || !isKept(memory, serial)) {
          throw new StrobeError('SNAPSHOT_OUTRUN', 'the old values that a snapshot needs were forgotten', { number });
        }
        return look();
      }),
    );
  }

  /**
   * Canonical bytes of the net change in a range that nobody retains.
   * @throws StrobeError STATE_FORGOTTEN when mini-blocks were undone since it was named, or its old values given up
   */
  netDiffOf(range: NamedRange): Uint8Array<ArrayBuffer> {
    const { memory } = this.#core;
    return composeNetDiff(this.#core, range, (look) =>
      this.#lock.read(() => {
        if (memory.get(CONTROL_ROLLBACKS) > range.rollbacks || !isKept(memory, range.from.serial)) {
          throw new StrobeError('STATE_FORGOTTEN', 'the old values of a range are gone', { from: range.from.number });
        }
        return look();
      }),
    );
  }

  /**
   * Canonical bytes of the net change in a range that its owner retains.
   * @throws StrobeError STATE_FORGOTTEN when its mini-blocks were undone, or their old values given up
   */
  netDiff(range: NetRange): Uint8Array<ArrayBuffer> {
    return composeNetDiff(this.#core, range, this.#guardOf(range));
  }

  /**
   * What the range changed, with the values from before it.
   * @throws StrobeError STATE_FORGOTTEN as {@link TableReader.netDiff}
   */
  blockChanges(range: NetRange): BlockChanges {
    return composeBlockChanges(this.#core, range, this.#guardOf(range));
  }

  rowFinder(): RowFinder {
    return new RowFinder(this.#core, (look) => this.#lock.read(look));
  }

  #guardOf({ from, to }: NetRange): ReadGuard {
    const { memory } = this.#core;
    return (look) =>
      this.#lock.read(() => {
        const isRangeRetained = isRetained(memory, from.serial) && isRetained(memory, to.serial);
        if (!isRangeRetained || !isKept(memory, from.serial)) {
          throw new StrobeError('STATE_FORGOTTEN', 'the old values of a range are gone', { from: from.number, to: to.number });
        }
        return look();
      });
  }
}
