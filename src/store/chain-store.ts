import type { Attestation } from '../protocol/attestation.ts';
import { type AttestedBlock, agreesWith } from '../protocol/attestation-agreement.ts';
import { type BlockEnvironment, type BlockHeader, encodeHeader, hashHeader } from '../protocol/block-header.ts';
import type {
  AppliedMiniBlock,
  Block,
  BlockStatus,
  ChainEvent,
  ChainReader,
  ChainWriter,
  IndexedLog,
  IndexedTransaction,
  LogFilter,
  LogPage,
  MiniBlockCommit,
  OpenBlock,
} from '../protocol/ports/chain.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';
import { invariant, StrobeError } from '../util/errors.ts';
import { BlockReader, environmentOf } from './block-reader.ts';
import type { BlockRecord } from './block-record.ts';
import { blockSize } from './block-size.ts';
import type { ChainDatabase } from './chain-database.ts';
import { ChainEvents, type StoreLogger } from './chain-events.ts';
import { assertFollows, assertSeals, type ChainHead, genesisBlock, headOf } from './chain-head.ts';
import { HistoryPruner, type HistoryPrunerModules, type HistoryPrunerOptions } from './history-pruner.ts';
import type { LogIndexReader } from './log-index/log-index-reader.ts';
import { type LogLimits, LogSearch } from './log-search.ts';
import { OpenBlockBuilder } from './open-block.ts';
import { RecentBlocks } from './recent-blocks.ts';

export interface ChainStoreOptions extends LogLimits {
  readonly chainId: number;
  readonly genesisHeader: BlockHeader;
  /** Transactions (and mini-blocks and blocks) of sealed blocks kept in memory, newest first. */
  readonly recentTransactions: number;
}

export interface ChainStoreModules {
  readonly database: ChainDatabase;
  readonly log: Pick<MiniBlockLog, 'read'>;
  readonly logger: StoreLogger;
  /** Absent: logs are found by the blooms of blocks alone. */
  readonly logIndex?: LogIndexReader;
}

/** What the database knew when it was opened. */
export interface StoredMarks {
  readonly head: ChainHead;
  /** See {@link ChainStore.base}. */
  readonly base: ChainHead;
  readonly safe: number | undefined;
  readonly finalized: number | undefined;
}

/**
 * The chain of a node: sealed blocks and indexes in the database, the open block and the newest blocks in
 * memory. The log is what makes a mini-block durable; after a crash the role appends the log's tail here again.
 */
export class ChainStore implements ChainReader, ChainWriter {
  readonly chainId: number;
  readonly genesisHash: Hash;
  /** The block that the chain begins with here: genesis, or that of an imported snapshot, whose contents are not stored. */
  readonly base: ChainHead;
  readonly #database: ChainDatabase;
  readonly #reader: BlockReader;
  readonly #recent: RecentBlocks;
  readonly #search: LogSearch;
  readonly #events: ChainEvents;
  readonly #genesis: Block;
  #head: ChainHead;
  #safe: number | undefined;
  #finalized: number | undefined;
  #open: OpenBlockBuilder | undefined;

  /** See {@link openChainStore}. */
  constructor(options: ChainStoreOptions, modules: ChainStoreModules, marks: StoredMarks) {
    this.chainId = options.chainId;
    this.#genesis = genesisBlock(options.genesisHeader);
    this.genesisHash = this.#genesis.hash;
    this.#database = modules.database;
    const { blocks } = modules.database;
    this.#reader = new BlockReader({ blocks, log: modules.log });
    this.#recent = new RecentBlocks(options.recentTransactions);
    this.#search = new LogSearch(options, { blocks, reader: this.#reader, recent: this.#recent, index: modules.logIndex });
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
    return this.#database.close();
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
    return this.#open?.tip.number ?? this.#head.lastMiniBlock;
  }

  openBlock(): OpenBlock | undefined {
    return this.#open?.view();
  }

  latestEnvironment(): BlockEnvironment {
    return this.#open?.env ?? environmentOf(this.#head.header);
  }

  oldestBlock(): Promise<number> {
    return this.#database.blocks.oldest();
  }

  async blockByNumber(blockNumber: number): Promise<Block | undefined> {
    if (blockNumber === 0) return this.#genesis;
    return this.#recent.block(blockNumber)?.block ?? this.#reader.block(blockNumber);
  }

  async sealOf(blockNumber: number): Promise<BlockSeal | undefined> {
    if (blockNumber === this.#head.header.number) return this.#head.seal;
    if (blockNumber === this.base.header.number) return this.base.seal;
    return (await this.#database.blocks.record(blockNumber))?.seal;
  }

  async blockByHash(hash: Hash): Promise<Block | undefined> {
    if (bytesEqual(hash, this.genesisHash)) return this.#genesis;
    const blockNumber = this.#recent.numberOf(hash) ?? (await this.#database.blocks.numberOf(hash));
    return blockNumber === undefined ? undefined : this.blockByNumber(blockNumber);
  }

  async transactionByHash(hash: Hash): Promise<IndexedTransaction | undefined> {
    return this.#recent.transaction(hash) ?? this.#reader.transaction(hash);
  }

  logs(filter: LogFilter): Promise<IndexedLog[]> {
    return this.#search.search(filter, { head: this.#head.header.number, openBlock: this.openBlock() });
  }

  logPage(filter: LogFilter, firstLogIndex: number): Promise<LogPage> {
    return this.#search.page(filter, firstLogIndex, this.#head.header.number);
  }

  async miniBlock(number: number): Promise<AppliedMiniBlock | undefined> {
    return this.#recent.miniBlock(number) ?? this.#reader.miniBlock(number);
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
      rootVerified: isGenesis || (await this.#database.verification.isRootVerified(blockNumber)),
      attestedBy: agreeing.map(({ prover }) => prover),
      daCommitment: await this.#database.verification.daCommitment(blockNumber),
    };
  }

  async #agreeing(block: Omit<AttestedBlock, 'preStateRoot'>): Promise<{ prover: Address }[]> {
    const { number } = block.seal.header;
    const parent = number === 1 ? this.#genesis.header : (await this.sealOf(number - 1))?.header;
    const attestations = await this.#database.verification.attestations(number);
    // A parent that is pruned leaves its root unsaid: what was stored was compared with it once.
    return attestations.filter(({ attestation }) =>
      agreesWith(attestation, { ...block, preStateRoot: parent?.stateRoot ?? attestation.preStateRoot }),
    );
  }

  async attestations(blockNumber: number): Promise<readonly Attestation[]> {
    return (await this.#database.verification.attestations(blockNumber)).map(({ attestation }) => attestation);
  }

  blockDiff(blockNumber: number): Promise<Bytes | undefined> {
    return this.#database.verification.blockDiff(blockNumber);
  }

  /** Removes old blocks in the background once it runs. */
  pruner(options: HistoryPrunerOptions, log: HistoryPrunerModules['log']): HistoryPruner {
    return new HistoryPruner(options, { database: this.#database, chain: this, log });
  }

  /** Syncs everything up to now: a snapshot of block `blockNumber` is about to be written. */
  markSnapshot(blockNumber: number): Promise<void> {
    const { meta } = this.#database;
    return this.#database.write((batch) => meta.putNumber(batch, 'snapshot', blockNumber), { sync: true });
  }

  subscribe(listener: (event: ChainEvent) => void): () => void {
    return this.#events.subscribe(listener);
  }

  /** @throws StrobeError MINI_BLOCK_DOES_NOT_FIT when it does not follow the newest one */
  appendMiniBlock(commit: MiniBlockCommit): AppliedMiniBlock {
    this.#database.assertWritable();
    assertFollows(commit, this.#head, this.#open);
    this.#open ??= new OpenBlockBuilder(commit.env);
    const stored = this.#open.append(commit);
    this.#recent.addMiniBlock(stored);
    this.#events.emit({ kind: 'miniBlock', miniBlock: stored });
    return stored;
  }

  /**
   * The block is visible and its event is out when this returns its promise; that resolves when the batch is written.
   * The batch is not synced: after a power failure the head is an older one and the log's tail is replayed.
   * @throws StrobeError SEAL_DOES_NOT_FIT, CHAIN_STORE_FAILED
   */
  async sealBlock(seal: BlockSeal): Promise<Block> {
    this.#database.assertWritable();
    const open = this.#open;
    assertSeals(seal, this.#head, open);
    const record: BlockRecord = {
      seal,
      sizeBytes: blockSize(encodeHeader(seal.header).length, open.transactionBytes()),
      starts: open.miniBlocks.map(({ start }) => start),
    };
    const block = this.#showSealed(record, open);
    await this.#database.putBlock({
      record,
      hash: block.hash,
      miniBlocks: open.miniBlocks.map(({ miniBlock }) => miniBlock),
      transactionHashes: open.transactions.map(({ transaction }) => transaction.hash),
    });
    this.#recent.evict(seal.header.number);
    return block;
  }

  /** Makes the open block the head for readers. */
  #showSealed(record: BlockRecord, { transactions, miniBlocks }: OpenBlockBuilder): Block {
    const { header, firstNumber, lastNumber } = record.seal;
    const { sizeBytes } = record;
    const head = headOf(record.seal);
    const { hash } = head;
    for (const transaction of transactions) transaction.blockHash = hash;
    const block = { header, hash, transactions, sizeBytes, firstMiniBlock: firstNumber, lastMiniBlock: lastNumber };
    this.#recent.addBlock({ block, miniBlocks });
    this.#head = head;
    this.#open = undefined;
    this.#events.emit({ kind: 'block', block, miniBlockCount: miniBlocks.length });
    return block;
  }

  /** @throws StrobeError BLOCK_NOT_FOUND above the head */
  async addAttestation(attestation: Attestation, prover: Address): Promise<void> {
    this.#assertSealed(attestation.blockNumber);
    await this.#database.write((batch) => this.#database.verification.putAttestation(batch, attestation, prover));
    this.#events.emit({ kind: 'status', blockNumber: attestation.blockNumber });
  }

  /** @throws StrobeError BLOCK_NOT_FOUND above the head */
  async putBlockDiff(blockNumber: number, diff: Bytes): Promise<void> {
    this.#assertSealed(blockNumber);
    await this.#database.write((batch) => this.#database.verification.putBlockDiff(batch, blockNumber, diff));
  }

  /** @throws StrobeError BLOCK_NOT_FOUND above the head */
  async markRootVerified(blockNumber: number): Promise<void> {
    this.#assertSealed(blockNumber);
    await this.#database.write((batch) => this.#database.verification.putRootVerified(batch, blockNumber));
    this.#events.emit({ kind: 'status', blockNumber });
  }

  /** @throws StrobeError BLOCK_NOT_FOUND above the head */
  async markDaPosted(blockNumber: number, commitment: Hash): Promise<void> {
    this.#assertSealed(blockNumber);
    await this.#database.write((batch) => this.#database.verification.putDaCommitment(batch, blockNumber, commitment));
    this.#events.emit({ kind: 'status', blockNumber });
  }

  /** Never goes back. @throws StrobeError BLOCK_NOT_FOUND above the head */
  async markSafe(blockNumber: number): Promise<void> {
    this.#assertSealed(blockNumber);
    if (blockNumber <= (this.#safe ?? -1)) return;
    this.#safe = blockNumber;
    this.#events.emit({ kind: 'safe', blockNumber });
    await this.#database.write((batch) => this.#database.meta.putNumber(batch, 'safe', blockNumber));
  }

  /** Never goes back. @throws StrobeError NOT_SAFE_YET above the safe block */
  async markFinalized(blockNumber: number): Promise<void> {
    if (blockNumber > (this.#safe ?? -1)) {
      throw new StrobeError('NOT_SAFE_YET', 'only a safe block can be final', { blockNumber, safe: this.#safe });
    }
    if (blockNumber <= (this.#finalized ?? -1)) return;
    this.#finalized = blockNumber;
    this.#events.emit({ kind: 'finalized', blockNumber });
    await this.#database.write((batch) => this.#database.meta.putNumber(batch, 'finalized', blockNumber));
  }

  /**
   * No other write may run at the same time.
   * @throws StrobeError ROLLBACK_BELOW_SAFE; ROLLBACK_INSIDE_BLOCK when `number` lies inside a sealed block: roll back
   * to `meta.boundary` then, and append again from the log. Nothing is changed then.
   */
  async rollback(number: number): Promise<void> {
    this.#database.assertWritable();
    if (number >= this.miniBlockNumber()) return;
    await this.#database.idle();
    if (number < (await this.#endOf(this.#safe ?? 0)).lastMiniBlock) {
      throw new StrobeError('ROLLBACK_BELOW_SAFE', 'the safe block is never undone', { number, safe: this.#safe });
    }
    const removed = number < this.#head.lastMiniBlock ? await this.#removeSealed(number) : [];
    const undone = this.#open?.truncateAfter(number) ?? [];
    this.#recent.removeMiniBlocks(undone);
    if (this.#open?.miniBlocks.length === 0) this.#open = undefined;
    removed.push(...undone.flatMap(({ transactions }) => transactions));
    this.#events.emit({ kind: 'rollback', number, removed });
  }

  /** Removes the blocks above `number` from the database and memory; returns their transactions in chain order. */
  async #removeSealed(number: number): Promise<IndexedTransaction[]> {
    const blocks: Block[] = [];
    let target = this.#head;
    while (target.lastMiniBlock > number) {
      const block = await this.blockByNumber(target.header.number);
      invariant(block !== undefined, 'every block above the one that the chain begins with is stored');
      blocks.unshift(block);
      target = await this.#endOf(target.header.number - 1);
    }
    const { header, lastMiniBlock: boundary } = target;
    if (boundary !== number)
      throw new StrobeError('ROLLBACK_INSIDE_BLOCK', 'a sealed block is undone whole', { number, boundary });
    await this.#database.removeBlocks(blocks, header.number);
    this.#recent.removeAbove(header.number);
    this.#head = target;
    return blocks.flatMap((block) => block.transactions);
  }

  /** A block from where the chain begins up to the head, without its contents. */
  async #endOf(blockNumber: number): Promise<ChainHead> {
    if (blockNumber === this.base.header.number) return this.base;
    const seal = await this.sealOf(blockNumber);
    invariant(seal !== undefined, 'every seal from where the chain begins up to the head is stored');
    return headOf(seal);
  }

  #assertSealed(blockNumber: number): void {
    if (blockNumber <= this.#head.header.number) return;
    throw new StrobeError('BLOCK_NOT_FOUND', 'the block is not sealed here', { blockNumber, head: this.#head.header.number });
  }
}
