import { decodePosting, ERA_BLOCKS, eraOf, type LogIndexDatabase, type Posting } from './log-index-database.ts';
import type { LogKey } from './log-key.ts';

/** Rows read at once; most keys have fewer in a range. */
const ROWS_PER_READ = 64;

/** The postings of one key, in block order. */
export class PostingCursor {
  readonly #database: LogIndexDatabase;
  readonly #key: LogKey;
  readonly #last: number;
  /** First block that no read has asked for yet. */
  #unread: number;
  #iterator: ReturnType<LogIndexDatabase['postings']> | undefined;
  /** Last block that the iterator comes to. */
  #end = -1;
  #rows: Posting[] = [];
  #at = 0;

  constructor(database: LogIndexDatabase, key: LogKey, range: { readonly from: number; readonly to: number }) {
    this.#database = database;
    this.#key = key;
    this.#unread = range.from;
    this.#last = range.to;
  }

  /** The first posting at or behind `blockNumber`, which never goes down from call to call; undefined at the end. */
  async seek(blockNumber: number): Promise<Posting | undefined> {
    for (;;) {
      while (this.#at < this.#rows.length) {
        const row = this.#rows[this.#at] as Posting;
        if (row.blockNumber >= blockNumber) return row;
        this.#at++;
      }
      if (!(await this.#read(blockNumber))) return undefined;
    }
  }

  async close(): Promise<void> {
    await this.#iterator?.close();
    this.#iterator = undefined;
  }

  /** Reads on, skipping what lies below `blockNumber`; false at the end. */
  async #read(blockNumber: number): Promise<boolean> {
    const from = Math.max(blockNumber, this.#unread);
    if (from > this.#last) return false;
    // Far ahead a new range is cheaper than reading up to it.
    if (from > this.#unread || from > this.#end) await this.#open(from);
    const entries = (await this.#iterator?.nextv(ROWS_PER_READ)) ?? [];
    this.#rows = entries.map(([key, value]) => decodePosting(key, value));
    this.#at = 0;
    const isFull = entries.length === ROWS_PER_READ;
    this.#unread = isFull ? (this.#rows.at(-1) as Posting).blockNumber + 1 : this.#end + 1;
    return true;
  }

  /** Rows of one era lie together. */
  async #open(from: number): Promise<void> {
    await this.close();
    this.#end = Math.min(this.#last, (eraOf(from) + 1) * ERA_BLOCKS - 1);
    this.#iterator = this.#database.postings(this.#key, from, this.#end);
  }
}
