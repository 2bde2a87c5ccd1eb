import type { Attestation } from '../protocol/attestation.ts';
import { encodeHeader } from '../protocol/block-header.ts';
import { encodeSequencerMessage } from '../protocol/log-record.ts';
import type { AppliedMiniBlock, Block, ChainWriter, IndexedTransaction, MiniBlockCommit } from '../protocol/ports/chain.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import type { Bytes } from '../util/bytes.ts';
import { invariant, StrobeError } from '../util/errors.ts';
import type { BlockRecord } from './block-record.ts';
import { blockSize } from './block-size.ts';
import type { ChainBegin, ChainChange, ChainMarks } from './chain-change.ts';
import { assertFollows, assertSeals, type ChainHead, headOf } from './chain-head.ts';
import { ChainView, type ChainViewModules, type ChainViewOptions } from './chain-view.ts';
import { HistoryPruner, type HistoryPrunerModules, type HistoryPrunerOptions } from './history-pruner.ts';
import { OpenBlockBuilder } from './open-block.ts';
import type { RecentBlock } from './recent-blocks.ts';
import type { StoredMiniBlock } from './stored-mini-block.ts';

type ChainListener = (change: ChainChange) => void;

/**
 * The chain of a node: sealed blocks and indexes in the database, the open block and the newest blocks in
 * memory. The log is what makes a mini-block durable; after a crash the role appends the log's tail here again.
 */
export class ChainStore extends ChainView implements ChainWriter {
  readonly #followers = new Set<ChainListener>();
  /** Blocks up to this one are in the database. */
  #stored: ChainHead;

  /** See {@link openChainStore}. */
  constructor(options: ChainViewOptions, modules: ChainViewModules, marks: ChainMarks) {
    super(options, modules, marks);
    this.#stored = marks.head;
  }

  /**
   * Tells every change from now on, each right behind its event, and where they begin. Both together are what a
   * ChainFollower in another thread shows the same chain from.
   */
  follow(listener: ChainListener): { readonly begin: ChainBegin; readonly stop: () => void } {
    this.#followers.add(listener);
    const { base } = this;
    const marks = { base, head: this.#stored, safe: this.safeNumber(), finalized: this.finalizedNumber() };
    const unstored = this.recent.above(this.#stored.header.number);
    const changes = [...unstored.flatMap(changesOf), ...(this.open?.miniBlocks.map((stored) => changeOf(stored)) ?? [])];
    return { begin: { marks, changes }, stop: () => this.#followers.delete(listener) };
  }

  /** Removes old blocks in the background once it runs. */
  pruner(options: HistoryPrunerOptions, log: HistoryPrunerModules['log']): HistoryPruner {
    const onPruned = (oldestBlock: number): void => this.#tell(() => ({ kind: 'pruned', oldestBlock }));
    return new HistoryPruner(options, { database: this.database, chain: this, log, onPruned });
  }

  /** Syncs everything up to now: a snapshot of block `blockNumber` is about to be written. */
  markSnapshot(blockNumber: number): Promise<void> {
    const { meta } = this.database;
    return this.database.write((batch) => meta.putNumber(batch, 'snapshot', blockNumber), { sync: true });
  }

  /** @throws StrobeError MINI_BLOCK_DOES_NOT_FIT when it does not follow the newest one */
  appendMiniBlock(commit: MiniBlockCommit): AppliedMiniBlock {
    this.database.assertWritable();
    assertFollows(commit, this.sealedHead(), this.open);
    this.open ??= new OpenBlockBuilder(commit.env);
    const stored = this.open.append(commit);
    this.showMiniBlock(stored);
    this.#tell(() => changeOf(stored, commit.logRecord));
    return stored;
  }

  /**
   * The block is visible and its event is out when this returns its promise; that resolves when the batch is written.
   * The batch is not synced: after a power failure the head is an older one and the log's tail is replayed.
   * @throws StrobeError SEAL_DOES_NOT_FIT, CHAIN_STORE_FAILED
   */
  async sealBlock(seal: BlockSeal): Promise<Block> {
    this.database.assertWritable();
    const { open } = this;
    assertSeals(seal, this.sealedHead(), open);
    const record: BlockRecord = {
      seal,
      sizeBytes: blockSize(encodeHeader(seal.header).length, open.transactionBytes()),
      starts: open.miniBlocks.map(({ start }) => start),
    };
    const block = this.showSealed(seal, record.sizeBytes, open);
    const head = this.sealedHead();
    this.#tell(() => ({ kind: 'sealed', seal, sizeBytes: record.sizeBytes }));
    await this.database.putBlock({
      record,
      hash: block.hash,
      miniBlocks: open.miniBlocks.map(({ miniBlock }) => miniBlock),
      transactionHashes: open.transactions.map(({ transaction }) => transaction.hash),
    });
    this.#stored = head;
    this.recent.evict(seal.header.number);
    this.#tell(() => ({ kind: 'stored', blockNumber: seal.header.number }));
    return block;
  }

  /** @throws StrobeError BLOCK_NOT_FOUND above the head */
  async addAttestation(attestation: Attestation, prover: Address): Promise<void> {
    this.#assertSealed(attestation.blockNumber);
    await this.database.write((batch) => this.database.verification.putAttestation(batch, attestation, prover));
    this.#onStatus(attestation.blockNumber);
  }

  /** @throws StrobeError BLOCK_NOT_FOUND above the head */
  async putBlockDiff(blockNumber: number, diff: Bytes): Promise<void> {
    this.#assertSealed(blockNumber);
    await this.database.write((batch) => this.database.verification.putBlockDiff(batch, blockNumber, diff));
  }

  /** @throws StrobeError BLOCK_NOT_FOUND above the head */
  async markRootVerified(blockNumber: number): Promise<void> {
    this.#assertSealed(blockNumber);
    await this.database.write((batch) => this.database.verification.putRootVerified(batch, blockNumber));
    this.#onStatus(blockNumber);
  }

  /** @throws StrobeError BLOCK_NOT_FOUND above the head */
  async markDaPosted(blockNumber: number, commitment: Hash): Promise<void> {
    this.#assertSealed(blockNumber);
    await this.database.write((batch) => this.database.verification.putDaCommitment(batch, blockNumber, commitment));
    this.#onStatus(blockNumber);
  }

  /** Never goes back. @throws StrobeError BLOCK_NOT_FOUND above the head */
  async markSafe(blockNumber: number): Promise<void> {
    this.#assertSealed(blockNumber);
    if (blockNumber <= (this.safeNumber() ?? -1)) return;
    this.showSafe(blockNumber);
    this.#tell(() => ({ kind: 'safe', blockNumber }));
    await this.database.write((batch) => this.database.meta.putNumber(batch, 'safe', blockNumber));
  }

  /** Never goes back. @throws StrobeError NOT_SAFE_YET above the safe block */
  async markFinalized(blockNumber: number): Promise<void> {
    const safe = this.safeNumber();
    if (blockNumber > (safe ?? -1)) {
      throw new StrobeError('NOT_SAFE_YET', 'only a safe block can be final', { blockNumber, safe });
    }
    if (blockNumber <= (this.finalizedNumber() ?? -1)) return;
    this.showFinalized(blockNumber);
    this.#tell(() => ({ kind: 'finalized', blockNumber }));
    await this.database.write((batch) => this.database.meta.putNumber(batch, 'finalized', blockNumber));
  }

  /**
   * No other write may run at the same time.
   * @throws StrobeError ROLLBACK_BELOW_SAFE; ROLLBACK_INSIDE_BLOCK when `number` lies inside a sealed block: roll back
   * to `meta.boundary` then, and append again from the log. Nothing is changed then.
   */
  async rollback(number: number): Promise<void> {
    this.database.assertWritable();
    if (number >= this.miniBlockNumber()) return;
    await this.database.idle();
    const safe = this.safeNumber();
    if (number < (await this.#endOf(safe ?? 0)).lastMiniBlock) {
      throw new StrobeError('ROLLBACK_BELOW_SAFE', 'the safe block is never undone', { number, safe });
    }
    const { removed, head } = await this.#removeSealed(number);
    removed.push(...this.hideAbove(number, head));
    this.emit({ kind: 'rollback', number, removed });
    this.#tell(() => ({ kind: 'rollback', number, head, removed }));
  }

  /** Removes the blocks above `number` from the database; gives their transactions in chain order, and the head below them. */
  async #removeSealed(number: number): Promise<{ removed: IndexedTransaction[]; head: ChainHead }> {
    const blocks: Block[] = [];
    let head = this.sealedHead();
    while (head.lastMiniBlock > number) {
      const block = await this.blockByNumber(head.header.number);
      invariant(block !== undefined, 'every block above the one that the chain begins with is stored');
      blocks.unshift(block);
      head = await this.#endOf(head.header.number - 1);
    }
    if (blocks.length === 0) return { removed: [], head };
    const { header, lastMiniBlock: boundary } = head;
    if (boundary !== number)
      throw new StrobeError('ROLLBACK_INSIDE_BLOCK', 'a sealed block is undone whole', { number, boundary });
    await this.database.removeBlocks(blocks, header.number);
    this.#stored = head;
    return { removed: blocks.flatMap((block) => block.transactions), head };
  }

  /** A block from where the chain begins up to the head, without its contents. */
  async #endOf(blockNumber: number): Promise<ChainHead> {
    if (blockNumber === this.base.header.number) return this.base;
    const seal = await this.sealOf(blockNumber);
    invariant(seal !== undefined, 'every seal from where the chain begins up to the head is stored');
    return headOf(seal);
  }

  #assertSealed(blockNumber: number): void {
    const head = this.sealedHead().header.number;
    if (blockNumber <= head) return;
    throw new StrobeError('BLOCK_NOT_FOUND', 'the block is not sealed here', { blockNumber, head });
  }

  #onStatus(blockNumber: number): void {
    this.emit({ kind: 'status', blockNumber });
    this.#tell(() => ({ kind: 'status', blockNumber }));
  }

  #tell(make: () => ChainChange): void {
    if (this.#followers.size === 0) return;
    const change = make();
    for (const listener of this.#followers) listener(change);
  }
}

function changesOf({ miniBlocks, seal, block }: RecentBlock): ChainChange[] {
  return [...miniBlocks.map((stored) => changeOf(stored)), { kind: 'sealed', seal, sizeBytes: block.sizeBytes }];
}

/** @param record the bytes of its log record, when they are at hand */
function changeOf({ miniBlock, start, transactionCount, gasUsed }: StoredMiniBlock, record?: Bytes): ChainChange {
  const bytes = record ?? encodeSequencerMessage({ kind: 'miniBlock', miniBlock });
  return { kind: 'miniBlock', record: bytes, start, transactionCount, gasUsed };
}
