import type { BlockEnd, OldValueReader, RowKind } from '../../protocol/ports/history.ts';
import type { Bytes } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { type LevelDatabase, openLevel } from '../level-database.ts';
import {
  blockKey,
  blockOfEntry,
  decodeBlockEnd,
  decodeReach,
  ENTRY_KEY_BYTES,
  HEAD_KEY_BYTES,
  REACH_KEY,
  readHead,
  type StoredReach,
  valueOfEntry,
  writeEntryKey,
  writeHeadKey,
} from './history-format.ts';

/** LevelDB's view of one moment. */
type Moment = ReturnType<LevelDatabase['snapshot']>;

/**
 * Reads old values from a database that another thread may be writing; each thread opens one of its own on the same
 * directory. Every look-up sees the database as one batch left it.
 */
export class HistoryReader implements OldValueReader {
  readonly #database: LevelDatabase;
  readonly #headKey = new Uint8Array(HEAD_KEY_BYTES);
  readonly #entryKey = new Uint8Array(ENTRY_KEY_BYTES);

  private constructor(database: LevelDatabase) {
    this.#database = database;
  }

  /** @throws StrobeError LOCKED, DATABASE_FAILED */
  static async open(directory: string): Promise<HistoryReader> {
    return new HistoryReader(await openLevel(directory, { multithreading: true }));
  }

  /** Undefined: nothing is stored. @throws StrobeError VERSION_NOT_SUPPORTED */
  reach(): StoredReach | undefined {
    const value = this.#database.getSync(REACH_KEY);
    return value && decodeReach(value);
  }

  /** Undefined: the block is not stored. */
  blockEnd(blockNumber: number): BlockEnd | undefined {
    const value = this.#database.getSync(blockKey(blockNumber));
    return value && decodeBlockEnd(blockNumber, value);
  }

  /** @throws StrobeError STATE_FORGOTTEN */
  find(kind: RowKind, row: number, blockNumber: number): Bytes | undefined {
    const snapshot = this.#database.snapshot();
    try {
      this.#assertReached(blockNumber, snapshot);
      return this.#findIn(kind, row, blockNumber, snapshot);
    } finally {
      // Given back before it returns; the promise has nothing to add.
      void snapshot.close();
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  #assertReached(blockNumber: number, snapshot: Moment): void {
    const value = this.#database.getSync(REACH_KEY, { snapshot });
    if (value !== undefined && decodeReach(value).oldest <= blockNumber) return;
    throw new StrobeError(
      'STATE_FORGOTTEN',
      `historical state is not available: block ${blockNumber} is not among those whose state is kept`,
      {
        blockNumber,
      },
    );
  }

  /** The first change above the block, by halves: blocks ascend with ordinals, and those that were pruned are below. */
  #findIn(kind: RowKind, row: number, blockNumber: number, snapshot: Moment): Bytes | undefined {
    writeHeadKey(this.#headKey, kind, row);
    const head = this.#database.getSync(this.#headKey, { snapshot });
    if (head === undefined) return undefined;
    const { count, lastBlock } = readHead(head);
    if (lastBlock <= blockNumber) return undefined;
    let high = count - 1;
    // A row changes once in a block at most.
    let low = Math.max(0, count - (lastBlock - blockNumber));
    let found: Bytes | undefined;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entry(kind, row, middle, snapshot);
      if (entry === undefined || blockOfEntry(entry) <= blockNumber) {
        low = middle + 1;
      } else {
        high = middle;
        found = entry;
      }
    }
    const entry = found ?? this.#entry(kind, row, high, snapshot);
    if (entry === undefined) {
      throw new StrobeError('HISTORY_DAMAGED', 'a change that the history of the state counts is not there', { kind, row, high });
    }
    return valueOfEntry(entry);
  }

  #entry(kind: RowKind, row: number, ordinal: number, snapshot: Moment): Bytes | undefined {
    writeEntryKey(this.#entryKey, kind, row, ordinal);
    return this.#database.getSync(this.#entryKey, { snapshot });
  }
}
