import type { ChainReader } from '../../protocol/ports/chain.ts';
import { isStrobeError } from '../../util/errors.ts';
import { Wakeup } from '../../util/wakeup.ts';
import type { IndexedRange } from './indexed-range.ts';
import { eraOf, type IndexedBlocks } from './log-index-database.ts';
import type { LogIndexBuilder } from './log-index-host.ts';

export interface LogIndexFollowerModules {
  readonly builder: LogIndexBuilder;
  readonly chain: Pick<ChainReader, 'head' | 'safeNumber' | 'oldestBlock' | 'subscribe'>;
  /** Where searches see how far the index reaches. */
  readonly range: IndexedRange;
}

/** Blocks asked for in one go: how far searches see grows with each. */
const BLOCKS_PER_CALL = 64;
/** A block is announced a moment before it is stored: whoever was too early asks again, ms. */
const RETRY_MS = 500;

/**
 * Keeps the log index in step with the chain, a little behind it: blocks that are not in it yet are searched by their
 * blooms. It starts again from the safe block, as what lies above may have been undone while nobody looked.
 */
export class LogIndexFollower {
  readonly #modules: LogIndexFollowerModules;
  readonly #wakeup = new Wakeup();
  #indexed: IndexedBlocks = { first: 1, last: 0 };
  /** The lowest head since the builder was last asked. */
  #undoneTo = Number.POSITIVE_INFINITY;

  constructor(modules: LogIndexFollowerModules) {
    this.#modules = modules;
  }

  /** Sealed blocks that are not indexed. */
  get lag(): number {
    return Math.max(0, this.#modules.chain.head().header.number - this.#indexed.last);
  }

  /** Follows until `signal` aborts. @throws StrobeError DATABASE_FAILED, THREAD_DIED and what the database throws */
  async run(signal: AbortSignal): Promise<void> {
    const { chain } = this.#modules;
    const unsubscribe = chain.subscribe(({ kind }) => {
      if (kind === 'rollback') this.#undo(chain.head().header.number);
      if (kind === 'block') this.#wakeup.wake();
    });
    try {
      await this.#begin();
      while (!signal.aborted) {
        if (!(await this.#advance())) await this.#wakeup.wait(signal, this.lag > 0 ? RETRY_MS : undefined);
      }
    } finally {
      unsubscribe();
    }
  }

  async #begin(): Promise<void> {
    const { builder, chain } = this.#modules;
    const indexed = await builder.begin();
    const last = Math.min(indexed?.last ?? 0, chain.safeNumber() ?? 0);
    if (indexed !== undefined && last >= indexed.first) this.#show({ first: indexed.first, last });
    else await this.#beginAt(await chain.oldestBlock());
  }

  async #beginAt(oldest: number): Promise<void> {
    this.#show({ first: oldest, last: oldest - 1 });
    await this.#modules.builder.clear();
  }

  /** True when there is more to do right away. */
  async #advance(): Promise<boolean> {
    const { builder, chain } = this.#modules;
    await this.#followPruning();
    const before = this.#indexed;
    const head = chain.head().header.number;
    if (before.last >= head) return false;
    this.#undoneTo = Number.POSITIVE_INFINITY;
    try {
      const { first, last } = await builder.add(before, Math.min(head, before.last + BLOCKS_PER_CALL));
      // What was undone meanwhile may have been read before.
      this.#show({ first, last: Math.min(last, this.#undoneTo) });
    } catch (error) {
      if (!isStrobeError(error, 'HISTORY_PRUNED')) throw error;
    }
    return this.#indexed.last > before.last;
  }

  async #followPruning(): Promise<void> {
    const { first, last } = this.#indexed;
    const oldest = await this.#modules.chain.oldestBlock();
    if (oldest <= first) return;
    if (oldest > last + 1) {
      await this.#beginAt(oldest);
      return;
    }
    this.#show({ first: oldest, last: this.#indexed.last });
    if (eraOf(oldest) > eraOf(first)) await this.#modules.builder.dropBelow(oldest);
  }

  #undo(head: number): void {
    this.#undoneTo = Math.min(this.#undoneTo, head);
    if (head < this.#indexed.last) this.#show({ first: this.#indexed.first, last: head });
  }

  #show(indexed: IndexedBlocks): void {
    this.#indexed = indexed;
    this.#modules.range.set(indexed);
  }
}
