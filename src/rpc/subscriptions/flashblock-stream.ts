import type { BlockEnvironment } from '../../protocol/block-header.ts';
import type { AppliedMiniBlock, ChainReader, IndexedTransaction } from '../../protocol/ports/chain.ts';
import { BLOOM_BYTES, logsBloom, mergeBloom } from '../../protocol/receipt.ts';
import { toHex } from '../../util/bytes.ts';
import { formatOpenBlock } from '../format-block.ts';
import { formatTransaction } from '../format-transaction.ts';
import type { Subscriber } from '../rpc-caller.ts';
import { type Feed, pushAll } from './feed.ts';
import type { MiniBlockRing } from './mini-block-ring.ts';

/** A block as it grows: each transaction is encoded once, however often the block is pushed. */
class GrowingBlock {
  readonly #env: BlockEnvironment;
  readonly #transactions: string[] = [];
  readonly #bloom = new Uint8Array(BLOOM_BYTES);
  #gasUsed = 0n;
  /** The newest mini-block in it. */
  #number: number;

  constructor(env: BlockEnvironment, number: number) {
    this.#env = env;
    this.#number = number;
  }

  /** True when this mini-block is the next of this block. */
  isFollowedBy({ miniBlock: { envelope } }: AppliedMiniBlock): boolean {
    return envelope.index > 0 && envelope.number === this.#number + 1;
  }

  add(number: number, transactions: readonly IndexedTransaction[]): void {
    this.#number = number;
    for (const indexed of transactions) {
      this.#transactions.push(JSON.stringify(formatTransaction(indexed)));
      this.#gasUsed += indexed.gasUsed;
      if (indexed.receipt.logs.length > 0) mergeBloom(this.#bloom, logsBloom(indexed.receipt.logs));
    }
  }

  json(): string {
    const open = formatOpenBlock({ env: this.#env, transactions: [], gasUsed: this.#gasUsed }, true);
    const empty = JSON.stringify({ ...open, logsBloom: toHex(this.#bloom) });
    return empty.replace('"transactions":[]', () => `"transactions":[${this.#transactions.join(',')}]`);
  }
}

interface FlashblockModules {
  readonly ring: MiniBlockRing;
  readonly chain: Pick<ChainReader, 'openBlock' | 'miniBlock'>;
}

/** Base's `newFlashblocks`: with each mini-block the whole open block so far. */
export class FlashblockStream {
  readonly #modules: FlashblockModules;
  readonly #subscribers = new Set<Subscriber>();
  #block: GrowingBlock | undefined;

  constructor(modules: FlashblockModules) {
    this.#modules = modules;
  }

  feed(): Feed {
    let block: GrowingBlock | undefined;
    return {
      join: (subscriber) => {
        this.#subscribers.add(subscriber);
        return () => this.#subscribers.delete(subscriber);
      },
      replay: async (applied) => {
        const { number } = applied.miniBlock.envelope;
        if (block?.isFollowedBy(applied) === true) block.add(number, applied.transactions);
        else block = await this.#rebuild(applied);
        return block && [block.json()];
      },
      undo: () => [],
    };
  }

  publish(applied: AppliedMiniBlock, cursor: () => string): void {
    if (this.#subscribers.size === 0) {
      this.#block = undefined;
      return;
    }
    const { number } = applied.miniBlock.envelope;
    if (this.#block?.isFollowedBy(applied) === true) {
      this.#block.add(number, applied.transactions);
    } else {
      this.#block = new GrowingBlock(applied.env, number);
      this.#block.add(number, this.#modules.chain.openBlock()?.transactions ?? applied.transactions);
    }
    const messages = [this.#block.json()];
    for (const subscriber of this.#subscribers) pushAll(subscriber, messages, cursor());
  }

  onRollback(): void {
    this.#block = undefined;
  }

  /** The block up to a mini-block, from all of its mini-blocks; undefined when they are not kept. */
  async #rebuild({ miniBlock: { envelope }, env }: AppliedMiniBlock): Promise<GrowingBlock | undefined> {
    const { ring, chain } = this.#modules;
    const block = new GrowingBlock(env, envelope.number);
    for (let number = envelope.number - envelope.index; number <= envelope.number; number++) {
      const part = ring.get(number) ?? (await chain.miniBlock(number));
      if (part === undefined) return undefined;
      block.add(number, part.transactions);
    }
    return block;
  }
}
