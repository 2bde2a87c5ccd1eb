import { rowDiffOf } from '../../protocol/compact-diff/row-conversion.ts';
import type { CommittedState, RegistryMark, StateEntry, StateView } from '../../protocol/ports/state.ts';
import type { SnapshotLoader, StateSnapshot } from '../../protocol/ports/state-snapshot.ts';
import { type Account, type Address, type Hash, ZERO_HASH } from '../../protocol/primitives.ts';
import type { RowDiff, StateRows } from '../../protocol/row-diff.ts';
import type { SlotDiff, StateDiff } from '../../protocol/state-diff.ts';
import type { Bytes } from '../../util/bytes.ts';
import { invariant, StrobeError } from '../../util/errors.ts';
import { CodeCache } from './code-cache.ts';
import { CONTROL_NUMBER, CONTROL_ROLLBACKS, CONTROL_SEED, MAX_MEMORY_PAGES, PAGE_BYTES } from './layout.ts';
import { composeNetDiff } from './net-diff.ts';
import type { NamedRange, NetRange } from './net-range.ts';
import { PageAllocator } from './page-allocator.ts';
import { PastState } from './past-state.ts';
import { RegistryDigest } from './registry-digest.ts';
import { type RetainedMoment, RetainedNumbers } from './retained-numbers.ts';
import { RowDiffCheck } from './row-diff-check.ts';
import { RowFinder } from './row-finder.ts';
import { SequenceLock } from './sequence-lock.ts';
import { isKept } from './serials.ts';
import { TableLoader } from './snapshot-loader.ts';
import { StaleVersions } from './stale-versions.ts';
import { TableCore } from './table-core.ts';
import { entriesOf, slotsOf } from './table-entries.ts';
import { createMemory } from './table-memory.ts';
import type { TableMoment } from './table-moment.ts';
import type { TableHandle } from './table-reader.ts';
import { TableRows } from './table-rows.ts';
import { TableSnapshot } from './table-snapshot.ts';
import { TableWriter } from './table-writer.ts';
import { VersionJournal } from './version-journal.ts';

/** Old values of some five million changed keys: at 100,000 a second those of nearly a minute. */
const DEFAULT_JOURNAL_BYTES = 256 * 2 ** 20;

export interface StateTableOptions {
  /** Bound of the old values; when it is reached the oldest mini-blocks are released. */
  readonly journalBytes?: number;
  /** Bound of the whole memory, at most 4 GiB. */
  readonly maxBytes?: number;
}

/**
 * Flat state in linear memory that threads share (layout.ts): rows in the order of the registry, an index to find them
 * by key, and a journal of old values. One thread owns it and writes; others read it as a {@link TableReader}.
 */
export class StateTable implements CommittedState {
  readonly rows: StateRows;
  readonly #core: TableCore;
  readonly #allocator: PageAllocator;
  readonly #lock: SequenceLock;
  readonly #journal: VersionJournal;
  readonly #digest = new RegistryDigest();
  readonly #writer: TableWriter;
  readonly #codes: CodeCache;
  readonly #retained: RetainedNumbers;
  readonly #stale: StaleVersions;
  /** Up to where old values may be forgotten once nobody retains them. */
  #released = -1;

  /** @throws StrobeError STATE_MEMORY_EXHAUSTED */
  constructor({ journalBytes = DEFAULT_JOURNAL_BYTES, maxBytes = MAX_MEMORY_PAGES * PAGE_BYTES }: StateTableOptions = {}) {
    const core = new TableCore(createMemory(Math.min(MAX_MEMORY_PAGES, Math.floor(maxBytes / PAGE_BYTES))));
    const allocator = new PageAllocator(core.memory);
    const journal = new VersionJournal(core.memory, allocator, journalBytes);
    this.rows = new TableRows(core);
    this.#core = core;
    this.#allocator = allocator;
    this.#journal = journal;
    this.#lock = new SequenceLock(core.memory);
    this.#writer = new TableWriter({ core, allocator, journal, digest: this.#digest });
    this.#codes = new CodeCache(core.codes);
    this.#retained = new RetainedNumbers(core.memory);
    this.#stale = new StaleVersions(core);
    core.memory.words.set(crypto.getRandomValues(new Int32Array(2)), CONTROL_SEED);
  }

  get number(): number {
    return this.#core.memory.getNumber(CONTROL_NUMBER);
  }

  get floor(): number {
    return this.#journal.floor;
  }

  /** How often mini-blocks were undone: until the next time a moment stays what it is. */
  get rollbacks(): number {
    return this.#core.memory.get(CONTROL_ROLLBACKS);
  }

  /** Memory in use for rows, indexes, codes and old values. */
  get memoryBytes(): number {
    return this.#allocator.pages * PAGE_BYTES;
  }

  mark(): RegistryMark {
    const { accounts, slots, digest } = this.#writer.mark();
    return { accounts, slots, digest };
  }

  getAccount(address: Address): Account | undefined {
    const { accounts } = this.#core;
    const row = accounts.find(address);
    return row === -1 ? undefined : accounts.read(accounts.bodyOf(row), this.#codes);
  }

  getStorage(address: Address, key: Hash): Hash {
    const { accounts, slots } = this.#core;
    const account = accounts.find(address);
    const row = account === -1 ? -1 : slots.find(account, key);
    return row === -1 ? ZERO_HASH : slots.valueOf(slots.bodyOf(row));
  }

  getCode(codeHash: Hash): Bytes | undefined {
    return this.#codes.getCode(codeHash);
  }

  storageOf(address: Address): Iterable<SlotDiff> {
    const row = this.#core.accounts.find(address);
    return row === -1 ? [] : slotsOf(this.#core, row);
  }

  entries(): Iterable<StateEntry> {
    return entriesOf(this.#core, this.#codes);
  }

  /** @throws StrobeError STATE_DIFF_NOT_APPLICABLE, STATE_MEMORY_EXHAUSTED; nothing is changed */
  apply(diff: StateDiff, number: number): void {
    this.applyRows(rowDiffOf(diff, this.rows), number);
  }

  /** @throws StrobeError STATE_DIFF_NOT_APPLICABLE, STATE_MEMORY_EXHAUSTED; nothing is changed */
  applyRows(diff: RowDiff, number: number): void {
    invariant(number > this.number, 'mini-blocks are applied in ascending order');
    const newCodes = new RowDiffCheck(this.#core, diff).run();
    this.#lock.write(() => {
      this.#writer.write(diff, newCodes, number);
      this.#stale.unlinkSome();
    });
  }

  rollback(number: number): void {
    if (number < this.floor) {
      throw new StrobeError('ROLLBACK_BELOW_FLOOR', `old values do not reach back to mini-block ${number}`, {
        number,
        floor: this.floor,
      });
    }
    if (number >= this.number) return;
    const codes = this.#core.codes.count;
    this.#lock.write(() => {
      this.#core.memory.set(CONTROL_ROLLBACKS, this.rollbacks + 1);
      this.#retained.undoAbove(number);
      this.#writer.rollback(number);
    });
    this.#codes.forget(this.#core.codes.count + 1, codes);
    this.#released = Math.min(this.#released, number);
  }

  release(number: number): void {
    this.#released = Math.max(this.#released, Math.min(number, this.number));
    const target = Math.min(this.#released, this.#retained.lowest);
    if (target > this.floor) this.#lock.write(() => this.#journal.release(target));
  }

  /**
   * Keeps old values back to the end of mini-block `number` until the function returned is called, unless the bound of
   * the journal takes them. Readers in other threads can make a snapshot of it meanwhile.
   * @throws StrobeError STATE_FORGOTTEN, TOO_MANY_RETAINED
   */
  retain(number: number): () => void {
    const moment = this.#momentAt(number);
    if (moment === undefined) throw forgotten(number);
    const entry = this.#lock.write(() => this.#retained.add(moment));
    let isRetained = true;
    return () => {
      if (!isRetained) return;
      isRetained = false;
      this.#lock.write(() => this.#retained.delete(entry));
      this.release(this.#released);
    };
  }

  /**
   * Keeps the old values of a range as {@link StateTable.retain} does, for {@link TableReader.netDiff} in another thread.
   * @throws StrobeError STATE_FORGOTTEN, TOO_MANY_RETAINED
   */
  retainRange(from: number, to: number): { readonly range: NetRange; readonly release: () => void } {
    const range = this.#rangeOf(from, to);
    if (range === undefined) throw forgotten(from);
    const releaseStart = this.retain(from);
    try {
      const releaseEnd = this.retain(to);
      const release = (): void => {
        releaseStart();
        releaseEnd();
      };
      return { range, release };
    } catch (error) {
      releaseStart();
      throw error;
    }
  }

  netDiff(from: number, to: number): Bytes | undefined {
    const range = this.#rangeOf(from, to);
    return range === undefined ? undefined : composeNetDiff(this.#core, range, (look) => look());
  }

  /** What a {@link TableReader} in another thread composes a net diff by; undefined when old values do not reach back. */
  rangeOf(from: number, to: number): NamedRange | undefined {
    const range = to > this.number ? undefined : this.#rangeOf(from, to);
    return range && { ...range, rollbacks: this.rollbacks };
  }

  /** Undefined when old values do not reach back to its begin. */
  #rangeOf(from: number, to: number): NetRange | undefined {
    const start = this.#momentAt(from);
    if (start === undefined) return undefined;
    const end = this.#momentAt(to);
    invariant(end !== undefined && from <= to, 'a range ends at a mini-block that was applied');
    const { start: first } = this.#journal.above(from);
    return { from: start, to: end, ...this.#journal.headersOf(first, this.#journal.above(to).start) };
  }

  /** Reads of it throw STATE_FORGOTTEN once the floor is above `number`, or `number` was undone. */
  at(number: number): StateView | undefined {
    const moment = this.#momentAt(number);
    if (moment === undefined) return undefined;
    const assertKept = this.#guardOf(moment, () => forgotten(number));
    return new PastState(this.#core, this.#codes, {
      ...moment,
      guard: (look) => {
        assertKept();
        return look();
      },
    });
  }

  /** What a {@link TableReader} in another thread reads the end of a mini-block by; undefined as for {@link StateTable.at}. */
  momentAt(number: number): TableMoment | undefined {
    const moment = this.#momentAt(number);
    if (moment === undefined) return undefined;
    const { accounts, slots, codes } = moment.mark;
    return { number, serial: moment.serial, mark: { accounts, slots, codes }, rollbacks: this.rollbacks };
  }

  snapshot(number: number): StateSnapshot | undefined {
    const moment = this.#momentAt(number);
    if (moment === undefined) return undefined;
    const assertKept = this.#guardOf(
      moment,
      () => new StrobeError('SNAPSHOT_OUTRUN', 'the old values that a snapshot needs were forgotten', { number }),
    );
    return new TableSnapshot(this.#core, moment, (look) => {
      assertKept();
      return look();
    });
  }

  /** Fills this table, which is empty, from a snapshot. After an error of the loader it is not to be used. */
  loader(): SnapshotLoader {
    invariant(this.number === -1 && this.#core.accounts.count === 0, 'a snapshot is loaded into an empty table');
    return new TableLoader({
      core: this.#core,
      allocator: this.#allocator,
      digest: this.#digest,
      lock: this.#lock,
      restart: (number) => this.#journal.restart(number),
    });
  }

  /** What a {@link TableReader} in another thread attaches to. */
  share(): TableHandle {
    return { memory: this.#core.memory.shared };
  }

  /** Finds rows for the owner's thread. */
  rowFinder(): RowFinder {
    return new RowFinder(this.#core, (look) => look());
  }

  /** Undefined when old values do not reach back to it, or it is yet to come. */
  #momentAt(number: number): RetainedMoment | undefined {
    if (number < this.floor || number > this.number) return undefined;
    const { start, end } = this.#journal.above(number);
    const mark = start === end ? this.#writer.mark() : this.#journal.markBefore(start);
    return { number, serial: this.#journal.serialAt(number), mark };
  }

  /** A function that throws once the moment cannot be read any more. */
  #guardOf({ number, serial }: RetainedMoment, error: () => StrobeError): () => void {
    let { rollbacks } = this;
    return () => {
      const isSame = rollbacks === this.rollbacks || (number <= this.number && this.#journal.serialAt(number) === serial);
      if (!isSame || !isKept(this.#core.memory, serial)) throw error();
      ({ rollbacks } = this);
    };
  }
}

function forgotten(number: number): StrobeError<'STATE_FORGOTTEN'> {
  return new StrobeError('STATE_FORGOTTEN', `old values do not reach back to mini-block ${number}`, { number });
}
