import { SeededRandom } from '../../src/bench/seeded-random.ts';
import { Lifecycle } from '../../src/node/lifecycle.ts';
import { StoredHistory } from '../../src/node/state-history-parts.ts';
import { createInlineStateHistory, type StateHistoryWriting } from '../../src/node/state-history-thread.ts';
import { createLogger } from '../../src/observability/logger.ts';
import type { BlockEnd } from '../../src/protocol/ports/history.ts';
import type { Address } from '../../src/protocol/primitives.ts';
import type { StateDiff } from '../../src/protocol/state-diff.ts';
import { OverlayState } from '../../src/state/overlay-state.ts';
import type { StateHistoryFeed } from '../../src/state/state-history-feed.ts';
import { StateTable } from '../../src/state/table/state-table.ts';
import type { HistoryWriterOptions } from '../../src/store/state-history/history-writer.ts';
import { bigIntToBytes32, fromText, toKey } from '../../src/util/bytes.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { defined } from './defined.ts';
import { makeChanges, type WorldChange } from './random-world.ts';
import { listAccounts, restoreInto } from './state-listing.ts';

interface ModelBlock extends BlockEnd {
  readonly diffs: readonly StateDiff[];
  /** What could be read at its end, as text. */
  readonly listing: readonly string[];
}

export interface HistoryChainOptions {
  readonly dataDir: string;
  readonly seed: number;
  /** Blocks in front of the newest that stay on disk; null: all. */
  readonly keepBlocks: number | null;
  /** Blocks whose state the table keeps; more only for the history. */
  readonly memoryBlocks: number;
  readonly journalBytes?: number;
  readonly startWriting?: (options: HistoryWriterOptions) => StateHistoryWriting;
}

type Store = Parameters<typeof StoredHistory.open>[1]['store'];

/** A table with a history that follows it, beside a list of what every block's state looked like. */
export class HistoryChain {
  /** By number. */
  readonly blocks: ModelBlock[] = [];
  readonly errors: string[] = [];
  table: StateTable;
  #feed: StateHistoryFeed | undefined;
  #life: Lifecycle | undefined;
  readonly #options: HistoryChainOptions;
  readonly #random: SeededRandom;
  readonly #addresses = new Map<string, Address>();
  /** Makes digests of blocks that were undone and made again differ. */
  #made = 0;
  #isKilled = false;

  private constructor(options: HistoryChainOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.table = this.#emptyTable();
  }

  static async create(options: HistoryChainOptions): Promise<HistoryChain> {
    const chain = new HistoryChain(options);
    const genesis = chain.#randomDiff(40);
    chain.table.apply(genesis, 0);
    const end = { blockNumber: 0, lastNumber: 0, lastDigest: keccak256(fromText('genesis')) };
    chain.blocks.push({ ...end, diffs: [], listing: [] });
    chain.blocks[0] = { ...end, diffs: [genesis], listing: chain.#list() };
    await chain.#open(0);
    return chain;
  }

  get feed(): StateHistoryFeed {
    return defined(this.#feed);
  }

  get head(): ModelBlock {
    return defined(this.blocks.at(-1));
  }

  /** Seals a block of random changes. */
  addBlock(miniBlocks: number, changes = 8): void {
    const diffs: StateDiff[] = [];
    for (let i = 0; i < miniBlocks; i++) {
      const diff = this.#randomDiff(changes);
      this.table.apply(diff, this.table.number + 1);
      diffs.push(diff);
    }
    const lastDigest = keccak256(fromText(`block ${this.#made++}`));
    const end = { blockNumber: this.blocks.length, lastNumber: this.table.number, lastDigest };
    this.blocks.push({ ...end, diffs, listing: this.#list() });
    this.#seal(end);
  }

  /** Undoes the newest blocks, as far as old values allow. */
  rollback(count: number): void {
    const wanted = Math.max(0, this.head.blockNumber - count);
    const target = defined(this.blocks.slice(wanted).find(({ lastNumber }) => lastNumber >= this.table.floor));
    this.blocks.length = target.blockNumber + 1;
    this.feed.rollback(target);
    this.table.rollback(target.lastNumber);
  }

  /**
   * Starts anew from a snapshot of the state some blocks back.
   * @param isKilled only what is being stored is finished, and what waits is lost
   * @param undone blocks that are made anew before that, which is lost, too
   */
  async restart({ back, isKilled, undone }: { back: number; isKilled: boolean; undone: number }): Promise<void> {
    this.#isKilled = isKilled;
    if (isKilled && undone > 0) {
      this.rollback(undone);
      for (let i = 0; i < undone; i++) this.addBlock(1);
    }
    await this.close();
    this.#isKilled = false;
    if (isKilled) this.errors.length = 0;
    const begin = Math.max(0, this.head.blockNumber - back);
    const rebuilt = this.#emptyTable();
    for (const { diffs, lastNumber } of this.blocks.slice(0, begin + 1)) {
      for (const [i, diff] of diffs.entries()) rebuilt.apply(diff, lastNumber - diffs.length + 1 + i);
    }
    this.table = this.#emptyTable();
    restoreInto(this.table, rebuilt, rebuilt.number, 1_000);
    await this.#open(begin);
    for (const block of this.blocks.slice(begin + 1)) {
      for (const diff of block.diffs) this.table.apply(diff, this.table.number + 1);
      this.#seal(block);
      await this.feed.room();
    }
  }

  async close(): Promise<void> {
    await this.#life?.stop();
  }

  /** Every address that ever changed. */
  addresses(): Address[] {
    return [...this.#addresses.values()];
  }

  /** What is read of a block, as the model has it; undefined when the history does not have it. */
  read(blockNumber: number, from: Pick<StateHistoryFeed, 'at'> = this.feed): string[] | undefined {
    const view = from.at(blockNumber);
    return view && listAccounts(view, this.addresses());
  }

  expected(blockNumber: number): string[] {
    const { listing } = defined(this.blocks[blockNumber]);
    // Accounts that came later were not there.
    const later = [...this.#addresses.keys()].slice(listing.length);
    return [...listing, ...later.map((address) => `${address} none `)];
  }

  #seal(end: BlockEnd): void {
    this.feed.add(end);
    const kept = this.blocks[Math.max(0, end.blockNumber - this.#options.memoryBlocks)];
    this.table.release(Math.min(defined(kept).lastNumber, this.feed.retainFrom));
  }

  async #open(begin: number): Promise<void> {
    const { dataDir, keepBlocks, startWriting = createInlineStateHistory } = this.#options;
    const logger = createLogger({ level: 'silent', format: 'json' });
    logger.error = (...args: unknown[]) => this.errors.push(JSON.stringify(args));
    this.#life = new Lifecycle(logger);
    const modules = {
      ...{ store: this.#store(), logger, life: this.#life },
      // Windows as short as these are answered from memory in earnest.
      startWriting: ({ directory }: HistoryWriterOptions) =>
        this.#killable(startWriting({ directory, ...(keepBlocks === null ? {} : { keepBlocks }) })),
    };
    const stored = defined(await StoredHistory.open({ dataDir, stateHistory: 'archive' }, modules));
    this.#feed = await stored.follow(this.table, defined(this.blocks[begin]));
  }

  #killable(writing: StateHistoryWriting): StateHistoryWriting {
    const unlessKilled = <Argument, Result>(write: (argument: Argument) => Promise<Result>) => {
      const killed = () => Promise.reject(new StrobeError('KILLED', 'the process was killed'));
      return (argument: Argument) => (this.#isKilled ? killed() : write(argument));
    };
    return { ...writing, append: unlessKilled(writing.append), removeAbove: unlessKilled(writing.removeAbove) };
  }

  #store(): Store {
    const { head } = this;
    const sealed = (number: number) => ({ header: { number } });
    return {
      base: sealed(0),
      genesisHash: defined(this.blocks[0]).lastDigest,
      sealedHead: () => sealed(head.blockNumber),
      sealOf: async (number: number) => this.blocks[number],
    } as unknown as Store;
  }

  #emptyTable(): StateTable {
    const { journalBytes } = this.#options;
    return new StateTable(journalBytes === undefined ? {} : { journalBytes });
  }

  #randomDiff(changes: number): StateDiff {
    const world = new OverlayState(this.table);
    makeChanges(
      world,
      Array.from({ length: changes }, () => this.#randomChange()),
      new Set(),
    );
    const diff = world.takeDiff();
    for (const { address } of diff.accounts) this.#addresses.set(toKey(address), address);
    return diff;
  }

  /** Of few accounts, so that they change again and again, and now and then of one more. */
  #randomChange(): WorldChange {
    const random = this.#random;
    const address = new Uint8Array(20).fill(random.below(random.below(8) === 0 ? 40 : 6));
    const word = (bound: number) => bigIntToBytes32(BigInt(random.below(bound)));
    const kinds = ['pay', 'send', 'store', 'store', 'store', 'store', 'deploy', 'empty'] as const;
    const kind = kinds[random.below(kinds.length)];
    if (kind === 'pay') return { kind, address, balance: BigInt(random.below(2) * random.nextUint32()) ** 3n };
    if (kind === 'store') return { kind, address, key: word(12), value: word(3) };
    if (kind === 'deploy') return { kind, address, code: random.bytes(1 + random.below(2)) };
    return { kind: kind === 'empty' ? kind : 'send', address };
  }

  #list(): string[] {
    return listAccounts(this.table, this.addresses());
  }
}
