import type { Hash } from '../../protocol/primitives.ts';
import { receiptLogs } from '../../protocol/receipt.ts';
import { toKey } from '../../util/bytes.ts';
import type { BlockRecord } from '../block-record.ts';
import { BlockRepository } from '../block-repository.ts';
import type { LevelDatabase } from '../level-database.ts';
import { eraOf, type IndexedBlocks, type LogIndexDatabase, putIndexed, putPosting } from './log-index-database.ts';
import { keysOf, type LogKey } from './log-key.ts';

export interface LogIndexerModules {
  /** Of the chain: it is only read. */
  readonly chain: LevelDatabase;
  readonly index: LogIndexDatabase;
  /** True once the thread is to end: within a block, of which the largest takes a second. */
  readonly isStopping?: () => boolean;
}

/** Where a key was seen in a block. */
interface Seen {
  readonly key: LogKey;
  readonly miniBlocks: number[];
}

/** Adds stored blocks to the log index; runs in the index thread. */
export class LogIndexer {
  readonly #genesisHash: Hash;
  readonly #modules: LogIndexerModules;

  constructor(genesisHash: Hash, modules: LogIndexerModules) {
    this.#genesisHash = genesisHash;
    this.#modules = modules;
  }

  /** What is indexed of this chain; rows of anything else are removed. */
  async begin(): Promise<IndexedBlocks | undefined> {
    const indexed = await this.#modules.index.indexed(this.#genesisHash);
    if (indexed === undefined) await this.#modules.index.clear();
    return indexed;
  }

  /** Removes everything: what is indexed next does not continue it. */
  clear(): Promise<void> {
    return this.#modules.index.clear();
  }

  /** Removes the rows of eras that end below block `first`. */
  dropBelow(first: number): Promise<void> {
    return this.#modules.index.dropErasBelow(eraOf(first));
  }

  /**
   * Adds the blocks behind `indexed` up to `to`, as far as they are stored and there is time, each in one atomic batch.
   * @returns what is indexed then
   * @throws StrobeError HISTORY_PRUNED when the next block is being removed
   */
  async add(indexed: IndexedBlocks, to: number): Promise<IndexedBlocks> {
    // A new one: what it remembers of the oldest block is another thread's to change.
    const blocks = new BlockRepository(this.#modules.chain);
    const { isStopping } = this.#modules;
    let { last } = indexed;
    while (last < to && isStopping?.() !== true) {
      const record = await blocks.storedRecord(last + 1);
      if (record === undefined) break;
      const keys = await blocks.unlessUndone(record, () => keysIn(record, blocks));
      if (keys === undefined) break;
      const batch = this.#modules.index.batch();
      const blockNumber = ++last;
      for (const { key, miniBlocks } of keys) putPosting(batch, key, { blockNumber, miniBlocks });
      putIndexed(batch, this.#genesisHash, { first: indexed.first, last });
      await batch.write();
    }
    return { first: indexed.first, last };
  }
}

async function keysIn({ seal, starts }: BlockRecord, blocks: BlockRepository): Promise<Iterable<Seen>> {
  const seen = new Map<string, Seen>();
  for (let index = 0; index < starts.length; index++) {
    const { receipts } = await blocks.body(seal.firstNumber + index);
    for (const log of receipts.flatMap(receiptLogs)) for (const key of keysOf(log)) note(seen, key, index);
  }
  return seen.values();
}

function note(seen: Map<string, Seen>, key: LogKey, index: number): void {
  const name = toKey(key);
  const known = seen.get(name);
  if (known === undefined) seen.set(name, { key, miniBlocks: [index] });
  else if (known.miniBlocks.at(-1) !== index) known.miniBlocks.push(index);
}
