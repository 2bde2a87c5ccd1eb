import type { BlockChangeLists, RowKind, StoredMoment, StoredReach } from '../../protocol/ports/history.ts';
import type { Bytes } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import type { LevelDatabase } from '../level-database.ts';
import {
  blockKey,
  blockOfEntry,
  decodeBlockEntry,
  decodeReach,
  ENTRY_KEY_BYTES,
  HEAD_KEY_BYTES,
  REACH_KEY,
  readHead,
  valueOfEntry,
  writeEntryKey,
  writeHeadKey,
} from './history-format.ts';

/** Reads of a database as one batch left it. */
export class HistoryMoment implements StoredMoment {
  readonly #database: LevelDatabase;
  readonly #snapshot: ReturnType<LevelDatabase['snapshot']>;
  readonly #headKey = new Uint8Array(HEAD_KEY_BYTES);
  readonly #entryKey = new Uint8Array(ENTRY_KEY_BYTES);

  constructor(database: LevelDatabase) {
    this.#database = database;
    this.#snapshot = database.snapshot();
  }

  /** @throws StrobeError STATE_FORGOTTEN when nothing is stored; VERSION_NOT_SUPPORTED */
  get reach(): StoredReach {
    const value = this.#get(REACH_KEY);
    if (value === undefined) throw new StrobeError('STATE_FORGOTTEN', 'historical state is not available: nothing is stored');
    return decodeReach(value);
  }

  find(kind: RowKind, row: number, blockNumber: number): Bytes | undefined {
    const head = this.#head(kind, row);
    if (head === undefined || head.lastBlock <= blockNumber) return undefined;
    const { count, lastBlock } = head;
    let high = count - 1;
    // A row changes once in a block at most.
    let low = Math.max(0, count - (lastBlock - blockNumber));
    let found: Bytes | undefined;
    // The first change above the block, by halves: blocks ascend with ordinals, and those that were pruned are below.
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entry(kind, row, middle);
      if (entry === undefined || blockOfEntry(entry) <= blockNumber) {
        low = middle + 1;
      } else {
        high = middle;
        found = entry;
      }
    }
    const entry = found ?? this.#entry(kind, row, high);
    if (entry === undefined) throw damaged('a change that it counts is not there', { kind, row, high });
    return valueOfEntry(entry);
  }

  changesOf(blockNumber: number): BlockChangeLists {
    const value = this.#get(blockKey(blockNumber));
    if (value === undefined) throw damaged('a block that it reaches is not there', { blockNumber });
    return decodeBlockEntry(blockNumber, value).changes;
  }

  valueBefore(kind: RowKind, row: number, ordinal: number): Bytes | undefined {
    const entry = this.#entry(kind, row, ordinal);
    return entry && valueOfEntry(entry);
  }

  lastChange(kind: RowKind, row: number): number | undefined {
    return this.#head(kind, row)?.lastBlock;
  }

  close(): void {
    // Given back before it returns; the promise has nothing to add.
    void this.#snapshot.close();
  }

  #head(kind: RowKind, row: number): ReturnType<typeof readHead> | undefined {
    writeHeadKey(this.#headKey, kind, row);
    const head = this.#get(this.#headKey);
    return head && readHead(head);
  }

  #entry(kind: RowKind, row: number, ordinal: number): Bytes | undefined {
    writeEntryKey(this.#entryKey, kind, row, ordinal);
    return this.#get(this.#entryKey);
  }

  #get(key: Bytes): Bytes | undefined {
    return this.#database.getSync(key, { snapshot: this.#snapshot });
  }
}

function damaged(problem: string, meta: StrobeError['meta']): StrobeError {
  return new StrobeError('HISTORY_DAMAGED', `the history of the state is damaged: ${problem}`, meta);
}
