import { decodeLogRecord } from '../protocol/log-record.ts';
import type { Block, MiniBlockCommit } from '../protocol/ports/chain.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import type { BlockSeal, EpochStart } from '../protocol/sequencer-messages.ts';
import { decodeMiniBlockContents, type MiniBlockContents } from '../protocol/validate-mini-block-contents.ts';
import type { MiniBlockHead } from '../state/chain-trail.ts';
import { type ReplayResult, replayLog } from '../state/replay-log.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';
import { isStrobeError, StrobeError } from '../util/errors.ts';
import type { BlockDiffs } from './block-diffs.ts';
import type { FullNodeModules, FullNodeOptions } from './full-node-options.ts';
import { checkMiniBlock, checkReceipts } from './mini-block-rules.ts';
import type { ReceivedMiniBlock } from './reorder-buffer.ts';
import { checkSeal } from './seal-rules.ts';
import type { SealedBlocks } from './sealed-blocks.ts';
import { sequencerFault } from './sequencer-fault.ts';

/** The epoch in force. */
export interface EpochInForce {
  readonly number: number;
  /** Who signs in it; undefined before anything says so: any configured key. */
  readonly key: Address | undefined;
  /** Mini-block that it continued from. */
  readonly startNumber: number;
}

/** What became of an epoch start: `elsewhere` means that it continues a chain that this node does not have (yet). */
export type EpochOutcome = 'applied' | 'stale' | 'elsewhere';

export type ReplicaChainModules = Pick<
  FullNodeModules,
  'chainState' | 'chain' | 'log' | 'codec' | 'clock' | 'metrics' | 'logger' | 'beginAnew'
> & {
  readonly sealedBlocks: SealedBlocks;
  readonly blockDiffs: BlockDiffs;
};

/**
 * Codes that say that what was signed is not what is inside. Other decoding errors may be ours: a compact diff is read
 * beside the state, and says itself when it was made beside another one.
 */
const CONTENT_FAULTS: ReadonlySet<string> = new Set(['STATE_DIFF_MISMATCH', 'INVALID_MINI_BLOCK']);

/**
 * The chain of a replica and the only writer to it: checks each signed record against the rules, makes it durable,
 * then lets readers see it. Every method runs alone, in the work queue.
 */
export class ReplicaChain {
  readonly #options: FullNodeOptions;
  readonly #modules: ReplicaChainModules;
  #epoch: EpochInForce;

  constructor(options: FullNodeOptions, modules: ReplicaChainModules) {
    this.#options = options;
    this.#modules = modules;
    this.#epoch = { number: modules.chainState.head().epoch, key: undefined, startNumber: 0 };
  }

  head(): MiniBlockHead {
    return this.#modules.chainState.head();
  }

  headBlock(): number {
    return this.#modules.chain.head().header.number;
  }

  /** True while a block takes mini-blocks: the next block opens after its seal only. */
  hasOpenBlock(): boolean {
    return this.#modules.chainState.openBlock() !== undefined;
  }

  epoch(): EpochInForce {
    return this.#epoch;
  }

  /**
   * Applies the log's tail after a restart. The log of a replica is a copy: a tail that does not apply is cut and
   * fetched again.
   * @throws StrobeError LOG_BEHIND_STORE, and LOG_REPLAY_MISMATCH when cutting does not help or would cut stored blocks
   */
  async recover(): Promise<ReplayResult> {
    const { log, logger, chain } = this.#modules;
    const stored = chain.miniBlockNumber();
    try {
      return this.#adopt(await this.#replayLog());
    } catch (error) {
      // Below the stored head it may as well be the state that is wrong, and the log that is right.
      if (!isStrobeError(error, 'LOG_REPLAY_MISMATCH') || Number(error.meta['number']) <= stored) throw error;
      const { number } = this.head();
      logger.warn({ ...error.meta, keptNumber: number }, `the log's tail does not apply and is cut: ${error.message}`);
      await log.truncateAfter(number);
      return this.#adopt(await this.#replayLog());
    }
  }

  #replayLog(): Promise<ReplayResult> {
    const { blockDiffs } = this.#modules;
    return replayLog({ ...this.#modules, onSealed: (seal) => blockDiffs.restore(seal) });
  }

  #adopt(replayed: ReplayResult): ReplayResult {
    const { epoch, epochKey, epochStart } = replayed;
    this.#epoch = { number: epoch, key: epochKey, startNumber: epochStart?.lastNumber ?? 0 };
    return replayed;
  }

  /**
   * Checks and applies consecutive mini-blocks of the epoch in force, one after the other: a diff is read beside the
   * state that the one before leaves. Those before a wrong one are applied.
   * @throws StrobeError SEQUENCER_FAULT, MINI_BLOCK_NOT_DECODABLE
   */
  async applyMiniBlocks(run: readonly ReceivedMiniBlock[]): Promise<void> {
    for (const received of run) {
      const commit = this.#check(received);
      await this.#modules.log.append([{ number: received.miniBlock.envelope.number, bytes: received.bytes }]);
      this.#commit(commit);
    }
  }

  #check(received: ReceivedMiniBlock): MiniBlockCommit {
    const { chainState, chain } = this.#modules;
    const { miniBlock } = received;
    const open = chainState.openBlock();
    const position = { head: chainState.head(), open, parent: chain.head() };
    const env = checkMiniBlock(miniBlock.envelope, position, this.#options.genesis);
    const contents = this.#decode(received);
    checkReceipts(miniBlock.envelope.number, contents, open?.gasUsed ?? 0n, env.gasLimit);
    return { miniBlock, env, ...contents, logRecord: received.bytes };
  }

  #decode({ miniBlock }: ReceivedMiniBlock): MiniBlockContents {
    try {
      return decodeMiniBlockContents(miniBlock, this.#modules.codec);
    } catch (error) {
      if (!isStrobeError(error)) throw error;
      const { number } = miniBlock.envelope;
      if (CONTENT_FAULTS.has(error.code))
        throw sequencerFault('WRONG_CONTENTS', `mini-block ${number}: ${error.message}`, { number });
      const message = `mini-block ${number}: ${error.message}`;
      throw new StrobeError('MINI_BLOCK_NOT_DECODABLE', message, { number, cause: error.code }, { cause: error });
    }
  }

  #commit(commit: MiniBlockCommit): void {
    const { chainState, clock, metrics } = this.#modules;
    const { number, timestampUs } = commit.miniBlock.envelope;
    try {
      chainState.apply(commit);
    } catch (error) {
      if (!isStrobeError(error, 'STATE_DIFF_NOT_APPLICABLE')) throw error;
      throw sequencerFault('WRONG_STATE_DIFF', `mini-block ${number}: ${error.message}`, { number });
    }
    metrics.recordMiniBlockApplied((clock.nowUs() - timestampUs) / 1e6, commit.body.transactions.length);
  }

  /**
   * Checks a seal against the open block, and seals it; the digest of its net diff is compared later.
   * @throws StrobeError SEQUENCER_FAULT
   */
  async applySeal(seal: BlockSeal, bytes: Bytes): Promise<Block> {
    const { chainState, chain, log, sealedBlocks, blockDiffs, metrics } = this.#modules;
    const parent = chain.head();
    checkSeal(seal, {
      head: chainState.head(),
      open: chainState.openBlock(),
      transactions: chain.openBlock()?.transactions ?? [],
      registryDigest: chainState.registryDigest(),
    });
    await log.append([{ number: seal.lastNumber, bytes }]);
    const block = await chainState.seal(seal);
    sealedBlocks.add({ seal, hash: block.hash, preStateRoot: parent.header.stateRoot });
    await blockDiffs.add(seal);
    await chainState.historyRoom();
    metrics.recordBlockSealed(block.header.number);
    return block;
  }

  /**
   * Opens an epoch: mini-blocks of older ones above it are undone.
   * @throws StrobeError SEQUENCER_FAULT when it would undo a safe block, UNDO_NOT_AVAILABLE
   */
  async applyEpochStart(start: EpochStart, bytes: Bytes): Promise<EpochOutcome> {
    const { log, logger } = this.#modules;
    const { number: current, key } = this.#epoch;
    if (start.epoch < current || (start.epoch === current && key !== undefined)) return 'stale';
    const { lastNumber, epoch } = start;
    const digest = lastNumber > this.head().number ? undefined : await this.#digestAt(lastNumber);
    if (digest === undefined || !bytesEqual(digest, start.lastDigest)) return 'elsewhere';
    if (lastNumber < (await this.safeMiniBlock())) {
      throw sequencerFault('EPOCH_BELOW_SAFE', `epoch ${epoch} starts below the safe block`, { epoch, lastNumber });
    }
    if (!(await this.#undoTo(lastNumber))) {
      throw new StrobeError('UNDO_NOT_AVAILABLE', 'an epoch undoes blocks whose old values are gone', { epoch, lastNumber });
    }
    await log.append([{ number: lastNumber, bytes }]);
    this.#epoch = { number: epoch, key: start.sequencerKey, startNumber: lastNumber };
    this.#modules.chainState.noteEpoch(start);
    logger.info({ epoch, lastNumber }, 'a new epoch began');
    return 'applied';
  }

  async #digestAt(number: number): Promise<Hash | undefined> {
    const head = this.head();
    if (number === head.number) return head.digest;
    if (number === 0) return this.#options.identity.genesisHash;
    // The chain may begin with the safe block here, without its mini-blocks.
    const safe = await this.#safeSeal();
    if (number === safe?.lastNumber) return safe.lastDigest;
    return (await this.#modules.chain.miniBlock(number))?.miniBlock.digest;
  }

  /** The exact bytes of an applied mini-block; undefined when the log does not have it. */
  async rawMiniBlock(number: number): Promise<Bytes | undefined> {
    for await (const entry of this.#modules.log.read(number)) {
      if (entry.number !== number) return undefined;
      if (decodeLogRecord(entry.bytes).kind === 'miniBlock') return entry.bytes;
    }
    return undefined;
  }

  /** Last mini-block of the safe block, 0 when only genesis is safe. */
  async safeMiniBlock(): Promise<number> {
    return (await this.#safeSeal())?.lastNumber ?? 0;
  }

  /** Undefined when only genesis is safe. */
  async #safeSeal(): Promise<BlockSeal | undefined> {
    const { chain } = this.#modules;
    return chain.sealOf(chain.safeNumber() ?? 0);
  }

  /**
   * Goes back to mini-block `number`, at or above the safe block, though its old values are gone: the node is wired anew on
   * a log that ends there, and takes its state from its own snapshot, which is of a safe block.
   * @returns false when it cannot be wired anew
   */
  async rewind(number: number): Promise<boolean> {
    const { log, logger, beginAnew } = this.#modules;
    if (beginAnew === undefined) return false;
    logger.warn({ from: this.head().number, to: number }, 'old values are gone: the node goes back by its own snapshot');
    await log.truncateAfter(number);
    beginAnew();
    return true;
  }

  /** Goes back to the safe block, or as far as that can be. */
  async undoToSafe(): Promise<void> {
    const { chain, logger } = this.#modules;
    const safe = chain.safeNumber() ?? 0;
    for (let blockNumber = safe; blockNumber <= this.headBlock(); blockNumber++) {
      const number = (await chain.sealOf(blockNumber))?.lastNumber ?? 0;
      if (!(await this.#undoTo(number))) {
        if (blockNumber === safe && (await this.rewind(number))) return;
        continue;
      }
      if (blockNumber > safe) {
        const message = 'blocks of an earlier process cannot be undone: remove the data directory and synchronise again';
        logger.error({ safeBlock: safe, keptBlock: blockNumber }, message);
      }
      return;
    }
  }

  /** Goes back to the end of the newest sealed block, or to the start of the epoch when that is later. */
  async undoOpenBlock(): Promise<void> {
    const { lastNumber = 0 } = (await this.#modules.chain.sealOf(this.headBlock())) ?? {};
    await this.#undoTo(Math.max(lastNumber, this.#epoch.startNumber));
  }

  /**
   * Undoes mini-blocks above `number`. The store goes first: after a crash in between, the log brings back what the
   * next epoch start undoes again.
   * @returns false, and nothing is changed, when the undo records are gone
   */
  async #undoTo(number: number): Promise<boolean> {
    const { chainState, log, metrics, logger, sealedBlocks, blockDiffs } = this.#modules;
    const before = this.head().number;
    if (number >= before) return true;
    let target: number;
    try {
      target = await chainState.rollback(number);
    } catch (error) {
      if (isStrobeError(error, 'ROLLBACK_BELOW_SAFE')) return false;
      throw error;
    }
    await log.truncateAfter(number);
    sealedBlocks.retireAbove(this.headBlock());
    blockDiffs.releaseAbove(this.headBlock());
    // `number` lay inside a sealed block, which was undone whole.
    if (target < number) await this.#replayLog();
    metrics.recordUndone(before - number);
    logger.warn({ from: before, to: number }, 'mini-blocks were undone');
    return true;
  }

  /** Moves the safe head: nothing up to that block is ever undone. */
  async markSafe(blockNumber: number): Promise<void> {
    const { chain, chainState, metrics } = this.#modules;
    await chain.markSafe(blockNumber);
    chainState.releaseUndo(blockNumber);
    metrics.recordSafe(blockNumber);
  }
}
