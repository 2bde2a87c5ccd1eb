import type { BlockEnd, StoredReach } from '../protocol/ports/history.ts';
import type { AppendRequest } from '../state/state-history-feed.ts';
import { TableReader } from '../state/table/table-reader.ts';
import { HistoryWriter, type HistoryWriterOptions } from '../store/state-history/history-writer.ts';
import { StrobeError } from '../util/errors.ts';

/** Composes and stores the changes of blocks, in whatever thread it runs; one call at a time. */
export class StateHistoryService {
  readonly #options: HistoryWriterOptions;
  #writer: HistoryWriter | undefined;
  /** Of the one table that this thread reads. */
  #reader: TableReader | undefined;

  constructor(options: HistoryWriterOptions) {
    this.#options = options;
  }

  /**
   * To be called first; resolves with what is stored already.
   * @throws StrobeError LOCKED, DATABASE_FAILED, VERSION_NOT_SUPPORTED
   */
  async open(): Promise<StoredReach | undefined> {
    this.#writer = await HistoryWriter.open(this.#options);
    return this.#writer.reach;
  }

  /** Resolves with the oldest block that can be read. @throws StrobeError STATE_FORGOTTEN */
  async append({ handle, range, end }: AppendRequest): Promise<number> {
    this.#reader ??= TableReader.attach(handle);
    return this.#opened().append(end, this.#reader.blockChanges(range));
  }

  begin(end: BlockEnd): Promise<void> {
    return this.#opened().begin(end);
  }

  removeAbove(end: BlockEnd): Promise<number> {
    return this.#opened().removeAbove(end);
  }

  async close(): Promise<void> {
    await this.#writer?.close();
  }

  #opened(): HistoryWriter {
    if (this.#writer === undefined) throw new StrobeError('NOT_OPENED', 'the history of the state is not opened');
    return this.#writer;
  }
}
