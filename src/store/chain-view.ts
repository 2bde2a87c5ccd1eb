import type { Attestation } from '../protocol/attestation.ts';
import { type AttestedBlock, agreesWith } from '../protocol/attestation-agreement.ts';
import { type BlockEnvironment, type BlockHeader, hashHeader } from '../protocol/block-header.ts';
import type {
  AppliedMiniBlock,
  Block,
  BlockStatus,
  ChainEvent,
  ChainReader,
  IndexedLog,
  IndexedTransaction,
  LogFilter,
  LogPage,
  OpenBlock,
} from '../protocol/ports/chain.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';
import { BlockReader, environmentOf } from './block-reader.ts';
import type { ChainMarks } from './chain-change.ts';
import type { ChainDatabase } from './chain-database.ts';
import { ChainEvents, type StoreLogger } from './chain-events.ts';
import { type ChainHead, genesisBlock, headOf } from './chain-head.ts';
import type { LogIndexReader } from './log-index/log-index-reader.ts';
import { type LogLimits, LogSearch } from './log-search.ts';
import type { OpenBlockBuilder } from './open-block.ts';
import { RecentBlocks } from './recent-blocks.ts';
import type { StoredMiniBlock } from './stored-mini-block.ts';

export interface ChainViewOptions extends LogLimits {
  readonly chainId: number;
  readonly genesisHeader: BlockHeader;
  /** Transactions (and mini-blocks and blocks) of sealed blocks kept in memory, newest first. */
  readonly recentTransactions: number;
}

export interface ChainViewModules {
  readonly database: ChainDatabase;
  readonly log: Pick<MiniBlockLog, 'read'>;
  readonly logger: StoreLogger;
  /** Absent: logs are found by the blooms of blocks alone. */
  readonly logIndex?: LogIndexReader;
}

/**
 * What readers see of a chain: sealed blocks and indexes in the database, the open block and the newest blocks in
 * memory. Who moves it on is below: the store that writes the chain, or a follower in another thread.
 */
export class ChainView implements ChainReader {
  readonly chainId: number;
  readonly genesisHash: Hash;
  /** The block that the chain begins with here: genesis, or that of an imported snapshot, whose contents are not stored. */
  readonly base: ChainHead;
  protected readonly database: ChainDatabase;
  protected readonly recent: RecentBlocks;
  protected open: OpenBlockBuilder | undefined;
  readonly #reader: BlockReader;
  readonly #search: LogSearch;
  readonly #events: ChainEvents;
  readonly #genesis: Block;
  #head: ChainHead;
  #safe: number | undefined;
  #finalized: number | undefined;

  constructor(options: ChainViewOptions, modules: ChainViewModules, marks: ChainMarks) {
    this.chainId = options.chainId;
    this.#genesis = genesisBlock(options.genesisHeader);
    this.genesisHash = this.#genesis.hash;
    this.database = modules.database;
    const { blocks } = modules.database;
    this.recent = new RecentBlocks(options.recentTransactions);
    this.#reader = new BlockReader({ blocks, log: modules.log });
    this.#search = new LogSearch(options, { blocks, reader: this.#reader, recent: this.recent, index: modules.logIndex });
    this.#events = new ChainEvents(modules.logger);
    this.base = marks.base;
    this.#head = marks.head;
    this.#safe = marks.safe;
    this.#finalized = marks.finalized;
  }

  /** The newest sealed block: at start the log's tail behind its last mini-block is to be replayed. */
  sealedHead(): ChainHead {
    return this.#head;
  }

  /** Waits for pending writes and closes the database. */
  close(): Promise<void> {
    return this.database.close();
  }

  head(): { readonly header: BlockHeader; readonly hash: Hash } {
    return this.#head;
  }

  safeNumber(): number | undefined {
    return this.#safe;
  }

  finalizedNumber(): number | undefined {
    return this.#finalized;
  }

  miniBlockNumber(): number {
    return this.open?.tip.number ?? this.#head.lastMiniBlock;
  }

  openBlock(): OpenBlock | undefined {
    return this.open?.view();
  }

  latestEnvironment(): BlockEnvironment {
    return this.open?.env ?? environmentOf(this.#head.header);
  }

  oldestBlock(): Promise<number> {
    return this.database.blocks.oldest();
  }

  async blockByNumber(blockNumber: number): Promise<Block | undefined> {
    if (blockNumber === 0) return this.#genesis;
    return this.recent.block(blockNumber)?.block ?? this.#reader.block(blockNumber);
  }

  async sealOf(blockNumber: number): Promise<BlockSeal | undefined> {
    if (blockNumber === this.#head.header.number) return this.#head.seal;
    if (blockNumber === this.base.header.number) return this.base.seal;
    return this.recent.block(blockNumber)?.seal ?? (await this.database.blocks.record(blockNumber))?.seal;
  }

  async blockByHash(hash: Hash): Promise<Block | undefined> {
    if (bytesEqual(hash, this.genesisHash)) return this.#genesis;
    const blockNumber = this.recent.numberOf(hash) ?? (await this.database.blocks.numberOf(hash));
    return blockNumber === undefined ? undefined : this.blockByNumber(blockNumber);
  }

  async transactionByHash(hash: Hash): Promise<IndexedTransaction | undefined> {
    return this.recent.transaction(hash) ?? this.#reader.transaction(hash);
  }

  logs(filter: LogFilter): Promise<IndexedLog[]> {
    return this.#search.search(filter, { head: this.#head.header.number, openBlock: this.openBlock() });
  }

  logPage(filter: LogFilter, firstLogIndex: number): Promise<LogPage> {
    return this.#search.page(filter, firstLogIndex, this.#head.header.number);
  }

  async miniBlock(number: number): Promise<AppliedMiniBlock | undefined> {
    return this.recent.miniBlock(number) ?? this.#reader.miniBlock(number);
  }

  async blockStatus(blockNumber: number): Promise<BlockStatus | undefined> {
    const isGenesis = blockNumber === 0;
    const seal = await this.sealOf(blockNumber);
    if (seal === undefined && !isGenesis) return undefined;
    const hash = seal === undefined ? this.genesisHash : hashHeader(seal.header);
    const agreeing = seal === undefined ? [] : await this.#agreeing({ seal, hash });
    return {
      blockNumber,
      blockHash: hash,
      received: true,
      // A role appends and seals only what it checked; genesis is given by configuration.
      signatureVerified: true,
      rootVerified: isGenesis || (await this.database.verification.isRootVerified(blockNumber)),
      attestedBy: agreeing.map(({ prover }) => prover),
      daCommitment: await this.database.verification.daCommitment(blockNumber),
    };
  }

  async #agreeing(block: Omit<AttestedBlock, 'preStateRoot'>): Promise<{ prover: Address }[]> {
    const { number } = block.seal.header;
    const parent = number === 1 ? this.#genesis.header : (await this.sealOf(number - 1))?.header;
    const attestations = await this.database.verification.attestations(number);
    // A parent that is pruned leaves its root unsaid: what was stored was compared with it once.
    return attestations.filter(({ attestation }) =>
      agreesWith(attestation, { ...block, preStateRoot: parent?.stateRoot ?? attestation.preStateRoot }),
    );
  }

  async attestations(blockNumber: number): Promise<readonly Attestation[]> {
    return (await this.database.verification.attestations(blockNumber)).map(({ attestation }) => attestation);
  }

  blockDiff(blockNumber: number): Promise<Bytes | undefined> {
    return this.database.verification.blockDiff(blockNumber);
  }

  subscribe(listener: (event: ChainEvent) => void): () => void {
    return this.#events.subscribe(listener);
  }

  protected emit(event: ChainEvent): void {
    this.#events.emit(event);
  }

  /** A mini-block that the open block has already is there for all readers. */
  protected showMiniBlock(stored: StoredMiniBlock): void {
    this.recent.addMiniBlock(stored);
    this.emit({ kind: 'miniBlock', miniBlock: stored });
  }

  /** Makes the open block the head for readers. */
  protected showSealed(seal: BlockSeal, sizeBytes: number, open: OpenBlockBuilder): Block {
    const { header, firstNumber, lastNumber } = seal;
    const head = headOf(seal);
    const { hash } = head;
    const { miniBlocks } = open;
    for (const miniBlock of miniBlocks) miniBlock.seal(hash);
    const block: Block = {
      header,
      hash,
      get transactions() {
        return open.transactions;
      },
      sizeBytes,
      firstMiniBlock: firstNumber,
      lastMiniBlock: lastNumber,
    };
    this.recent.addBlock({ block, seal, miniBlocks });
    this.#head = head;
    this.open = undefined;
    this.emit({ kind: 'block', block, miniBlockCount: miniBlocks.length });
    return block;
  }

  /** Blocks behind `head` are gone for readers; the mini-blocks of the open one above `number` too. */
  protected hideAbove(number: number, head: ChainHead): IndexedTransaction[] {
    this.recent.removeAbove(head.header.number);
    this.#head = head;
    const undone = this.open?.truncateAfter(number) ?? [];
    this.recent.removeMiniBlocks(undone);
    if (this.open?.miniBlocks.length === 0) this.open = undefined;
    return undone.flatMap(({ transactions }) => transactions);
  }

  protected showSafe(blockNumber: number): void {
    this.#safe = blockNumber;
    this.emit({ kind: 'safe', blockNumber });
  }

  protected showFinalized(blockNumber: number): void {
    this.#finalized = blockNumber;
    this.emit({ kind: 'finalized', blockNumber });
  }
}
