import type { BlockEnd, OldValueReader, RowKind, StoredReach } from '../../protocol/ports/history.ts';
import type { Bytes } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { type LevelDatabase, openLevel } from '../level-database.ts';
import { blockKey, decodeBlockEnd, decodeReach, REACH_KEY } from './history-format.ts';
import { HistoryMoment } from './history-moment.ts';

/**
 * Reads old values from a database that another thread may be writing; each thread opens one of its own on the same
 * directory. Every look-up sees the database as one batch left it.
 */
export class HistoryReader implements OldValueReader {
  readonly #database: LevelDatabase;

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

  /** All of it as it is now, for reads that belong together; to be closed. */
  moment(): HistoryMoment {
    return new HistoryMoment(this.#database);
  }

  /** @throws StrobeError STATE_FORGOTTEN */
  find(kind: RowKind, row: number, blockNumber: number): Bytes | undefined {
    const moment = this.moment();
    try {
      if (moment.reach.oldest <= blockNumber) return moment.find(kind, row, blockNumber);
    } finally {
      moment.close();
    }
    throw new StrobeError(
      'STATE_FORGOTTEN',
      `historical state is not available: block ${blockNumber} is not among those whose state is kept`,
      {
        blockNumber,
      },
    );
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
