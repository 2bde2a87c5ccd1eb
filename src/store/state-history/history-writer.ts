import type { BlockChanges, BlockEnd, ChangeList, OldRows, RowKind, StoredReach } from '../../protocol/ports/history.ts';
import { invariant } from '../../util/errors.ts';
import { type LevelBatch, type LevelDatabase, openLevel } from '../level-database.ts';
import { NUMBER_BYTES, writeNumber } from '../tables.ts';
import { ChangeCounts } from './change-counts.ts';
import {
  type BlockEntry,
  blockKey,
  blockOfEntry,
  decodeBlockEntry,
  decodeReach,
  ENTRY_KEY_BYTES,
  encodeBlockEntry,
  encodeReach,
  HEAD_BYTES,
  HEAD_KEY_BYTES,
  REACH_KEY,
  writeEntryKey,
  writeHead,
  writeHeadKey,
} from './history-format.ts';

export interface HistoryWriterOptions {
  readonly directory: string;
  /** Blocks in front of the newest one whose state can be read; undefined: all. */
  readonly keepBlocks?: number;
}

/**
 * Old blocks that are forgotten behind each new one: a window that was made smaller is reached at this pace, and a new
 * block waits for that of no more.
 */
const PRUNED_AT_ONCE = 16;

const KINDS = ['account', 'slot'] as const;
const NO_CHANGES: ChangeList = { rows: new Uint32Array(0), ordinals: new Uint32Array(0) };

/**
 * The one writer of a history; one call at a time. Each batch leaves a whole history: the changes of a block and that the
 * history reaches there come together, as they go when a block is undone or too old.
 */
export class HistoryWriter {
  readonly #options: HistoryWriterOptions;
  readonly #database: LevelDatabase;
  readonly #counts: Readonly<Record<RowKind, ChangeCounts>>;
  readonly #headKey = new Uint8Array(HEAD_KEY_BYTES);
  readonly #head = new Uint8Array(HEAD_BYTES);
  readonly #entryKey = new Uint8Array(ENTRY_KEY_BYTES);
  #reach: StoredReach | undefined;

  private constructor(options: HistoryWriterOptions, database: LevelDatabase) {
    this.#options = options;
    this.#database = database;
    this.#counts = { account: new ChangeCounts(database, 'account'), slot: new ChangeCounts(database, 'slot') };
    const value = database.getSync(REACH_KEY);
    this.#reach = value && decodeReach(value);
  }

  /** @throws StrobeError LOCKED, DATABASE_FAILED, VERSION_NOT_SUPPORTED */
  static async open(options: HistoryWriterOptions): Promise<HistoryWriter> {
    return new HistoryWriter(options, await openLevel(options.directory, { multithreading: true }));
  }

  get reach(): StoredReach | undefined {
    return this.#reach;
  }

  /** Forgets everything and starts at the end of a block, whose state is the first that can be read. */
  async begin(end: BlockEnd): Promise<void> {
    // Without it the rest means nothing, should this be broken off.
    await this.#database.del(REACH_KEY, { sync: true });
    await this.#database.clear();
    for (const kind of KINDS) this.#counts[kind].clear();
    const reach = { oldest: end.blockNumber, newest: end.blockNumber };
    const batch = this.#database.batch();
    batch.put(blockKey(end.blockNumber), encodeBlockEntry({ ...end, changes: { account: NO_CHANGES, slot: NO_CHANGES } }));
    await this.#write(batch, reach);
  }

  /** Adds the block behind the newest, and forgets what is too old; resolves with the oldest block that can be read. */
  async append(end: BlockEnd, changes: BlockChanges): Promise<number> {
    const reach = this.#reach;
    invariant(reach !== undefined && end.blockNumber === reach.newest + 1, 'blocks are stored in their order');
    const batch = this.#database.batch();
    const account = this.#putChanges(batch, 'account', changes.accounts, end.blockNumber);
    const slot = this.#putChanges(batch, 'slot', changes.slots, end.blockNumber);
    batch.put(blockKey(end.blockNumber), encodeBlockEntry({ ...end, changes: { account, slot } }));
    await this.#write(batch, { oldest: reach.oldest, newest: end.blockNumber });
    return this.#prune();
  }

  /** Takes the blocks above this one away again, the newest first; resolves with the oldest block that can be read. */
  async removeAbove(end: BlockEnd): Promise<number> {
    for (;;) {
      const reach = this.#reach;
      invariant(reach !== undefined, 'blocks are removed from a history that has begun');
      if (reach.newest <= end.blockNumber) return reach.oldest;
      if (reach.newest === reach.oldest) await this.begin(end);
      else await this.#removeNewest(reach);
    }
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  #putChanges(batch: LevelBatch, kind: RowKind, { rows, ends, values, firstNew }: OldRows, blockNumber: number): ChangeList {
    const counts = this.#counts[kind];
    const ordinals = new Uint32Array(rows.length);
    const block = new Uint8Array(NUMBER_BYTES);
    writeNumber(block, blockNumber, 0);
    let start = 0;
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number;
      const end = ends[i] as number;
      const ordinal = row >= firstNew ? 0 : counts.get(row);
      const entry = new Uint8Array(NUMBER_BYTES + end - start);
      entry.set(block);
      entry.set(values.subarray(start, end), NUMBER_BYTES);
      writeEntryKey(this.#entryKey, kind, row, ordinal);
      batch.put(this.#entryKey, entry);
      this.#putHead(batch, kind, row, ordinal + 1, blockNumber);
      ordinals[i] = ordinal;
      start = end;
    }
    return { rows, ordinals };
  }

  #putHead(batch: LevelBatch, kind: RowKind, row: number, count: number, lastBlock: number): void {
    writeHeadKey(this.#headKey, kind, row);
    writeHead(this.#head, count, lastBlock);
    batch.put(this.#headKey, this.#head);
    this.#counts[kind].set(row, count);
  }

  #deleteHead(batch: LevelBatch, kind: RowKind, row: number): void {
    writeHeadKey(this.#headKey, kind, row);
    batch.del(this.#headKey);
    this.#counts[kind].set(row, 0);
  }

  #deleteEntry(batch: LevelBatch, kind: RowKind, row: number, ordinal: number): void {
    writeEntryKey(this.#entryKey, kind, row, ordinal);
    batch.del(this.#entryKey);
  }

  async #removeNewest(reach: StoredReach): Promise<void> {
    const block = this.#block(reach.newest);
    const batch = this.#database.batch();
    eachChange(block, (kind, row, ordinal) => {
      this.#deleteEntry(batch, kind, row, ordinal);
      const before = ordinal === 0 ? undefined : this.#blockOf(kind, row, ordinal - 1);
      if (before === undefined) this.#deleteHead(batch, kind, row);
      else this.#putHead(batch, kind, row, ordinal, before);
    });
    batch.del(blockKey(reach.newest));
    await this.#write(batch, { oldest: reach.oldest, newest: reach.newest - 1 });
  }

  async #prune(): Promise<number> {
    const { keepBlocks = Number.POSITIVE_INFINITY } = this.#options;
    let reach = this.#reach;
    invariant(reach !== undefined, 'a history has begun when it is pruned');
    for (let i = 0; i < PRUNED_AT_ONCE && reach.newest - reach.oldest > keepBlocks; i++) reach = await this.#forgetOldest(reach);
    return reach.oldest;
  }

  /** The changes of the block behind the oldest are only needed to read the oldest. */
  async #forgetOldest({ oldest, newest }: StoredReach): Promise<StoredReach> {
    const block = this.#block(oldest + 1);
    const batch = this.#database.batch();
    eachChange(block, (kind, row, ordinal) => {
      this.#deleteEntry(batch, kind, row, ordinal);
      if (this.#counts[kind].get(row) === ordinal + 1) this.#deleteHead(batch, kind, row);
    });
    batch.del(blockKey(oldest));
    const reach = { oldest: oldest + 1, newest };
    await this.#write(batch, reach, { sync: false });
    return reach;
  }

  #block(blockNumber: number): BlockEntry {
    const value = this.#database.getSync(blockKey(blockNumber));
    invariant(value !== undefined, 'every block that the history reaches is stored');
    return decodeBlockEntry(blockNumber, value);
  }

  /** Undefined: the change is too old. */
  #blockOf(kind: RowKind, row: number, ordinal: number): number | undefined {
    writeEntryKey(this.#entryKey, kind, row, ordinal);
    const entry = this.#database.getSync(this.#entryKey);
    return entry && blockOfEntry(entry);
  }

  /**
   * On disk when it resolves: a snapshot of a later state, which a start would go on from, must never outlive the changes
   * that lead to it.
   */
  async #write(batch: LevelBatch, reach: StoredReach, options: { readonly sync: boolean } = { sync: true }): Promise<void> {
    batch.put(REACH_KEY, encodeReach(reach));
    await batch.write(options);
    this.#reach = reach;
  }
}

function eachChange({ changes }: BlockEntry, visit: (kind: RowKind, row: number, ordinal: number) => void): void {
  for (const kind of KINDS) {
    const { rows, ordinals } = changes[kind];
    for (let i = 0; i < rows.length; i++) visit(kind, rows[i] as number, ordinals[i] as number);
  }
}
