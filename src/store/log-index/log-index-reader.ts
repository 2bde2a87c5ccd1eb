import type { LogFilter } from '../../protocol/ports/chain.ts';
import type { IndexedRange } from './indexed-range.ts';
import type { IndexedBlocks, LogIndexDatabase, Posting } from './log-index-database.ts';
import { keyGroupsOf, type LogKey } from './log-key.ts';
import { PostingCursor } from './posting-cursor.ts';

/** Finds the mini-blocks that may have logs for a filter, without looking at others. */
export class LogIndexReader {
  readonly #database: LogIndexDatabase;
  readonly #range: IndexedRange;

  constructor(database: LogIndexDatabase, range: IndexedRange) {
    this.#database = database;
    this.#range = range;
  }

  /** The part of `from` to `to` that can be searched here: undefined when none, or when the filter names nothing. */
  covers(filter: LogFilter, from: number, to: number): IndexedBlocks | undefined {
    if (keyGroupsOf(filter).length === 0) return undefined;
    const indexed = this.#range.read();
    const first = Math.max(from, indexed.first);
    const last = Math.min(to, indexed.last);
    return first > last ? undefined : { first, last };
  }

  /**
   * Mini-blocks of indexed blocks that have a log with a key of each condition, not necessarily the same log. Rows of
   * undone blocks may be among them: indexes may not exist, and what does not match is to be left out.
   */
  async *candidates(filter: LogFilter, { first, last }: IndexedBlocks): AsyncGenerator<Posting, void, undefined> {
    const groups = keyGroupsOf(filter).map((keys) => new KeyGroup(this.#database, keys, { from: first, to: last }));
    try {
      let block = first;
      for (;;) {
        const found = await meet(groups, block);
        if (found === undefined) return;
        if (found.miniBlocks.length > 0) yield found;
        block = found.blockNumber + 1;
      }
    } finally {
      for (const group of groups) await group.close();
    }
  }
}

/** The next block from `from` on that every group has, with the mini-blocks that every group has of it. */
async function meet(groups: readonly KeyGroup[], from: number): Promise<Posting | undefined> {
  let block = from;
  for (;;) {
    const found: Posting[] = [];
    for (const group of groups) {
      const posting = await group.seek(block);
      if (posting === undefined) return undefined;
      if (posting.blockNumber > block && found.length > 0) {
        block = posting.blockNumber;
        found.length = 0;
        break;
      }
      block = posting.blockNumber;
      found.push(posting);
    }
    if (found.length === groups.length) return { blockNumber: block, miniBlocks: inAll(found) };
  }
}

function inAll(postings: readonly Posting[]): number[] {
  const [first, ...others] = postings.map(({ miniBlocks }) => miniBlocks);
  const sets = others.map((miniBlocks) => new Set(miniBlocks));
  return (first ?? []).filter((index) => sets.every((set) => set.has(index)));
}

/** Alternatives of one condition. */
class KeyGroup {
  readonly #cursors: readonly PostingCursor[];

  constructor(database: LogIndexDatabase, keys: readonly LogKey[], range: { readonly from: number; readonly to: number }) {
    this.#cursors = keys.map((key) => new PostingCursor(database, key, range));
  }

  /** The first block at or behind `blockNumber` that any of the keys has. */
  async seek(blockNumber: number): Promise<Posting | undefined> {
    let nearest = Number.POSITIVE_INFINITY;
    let postings: Posting[] = [];
    for (const cursor of this.#cursors) {
      const posting = await cursor.seek(blockNumber);
      if (posting === undefined || posting.blockNumber > nearest) continue;
      if (posting.blockNumber < nearest) postings = [];
      nearest = posting.blockNumber;
      postings.push(posting);
    }
    if (postings.length === 0) return undefined;
    if (postings.length === 1) return postings[0];
    const miniBlocks = new Set(postings.flatMap((posting) => posting.miniBlocks));
    return { blockNumber: nearest, miniBlocks: [...miniBlocks].sort((a, b) => a - b) };
  }

  async close(): Promise<void> {
    for (const cursor of this.#cursors) await cursor.close();
  }
}
