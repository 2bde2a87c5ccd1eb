import type { MiniBlock } from '../protocol/mini-block.ts';
import type { AppliedMiniBlock, Block, ChainReader, ChainWriter, MiniBlockCommit } from '../protocol/ports/chain.ts';
import type { BlockEnd, StateHistory } from '../protocol/ports/history.ts';
import type { BlockResources, ResourceUsage } from '../protocol/ports/resources.ts';
import type { CommittedState, StateView } from '../protocol/ports/state.ts';
import type { Hash } from '../protocol/primitives.ts';
import { isRowDiff, type RowDiff } from '../protocol/row-diff.ts';
import type { BlockSeal, EpochStart } from '../protocol/sequencer-messages.ts';
import type { Bytes } from '../util/bytes.ts';
import { invariant, StrobeError } from '../util/errors.ts';
import { withMiniBlock } from './block-resources.ts';
import { type ChainPosition, ChainTrail, type MiniBlockHead, type OpenBlockState } from './chain-trail.ts';

/**
 * Blocks whose end state can be read from memory. Wallets ask at the block they polled last, up to a minute ago, and geth keeps as
 * many.
 */
export const HISTORY_BLOCKS = 128;

export interface ChainStateOptions {
  /** Epochs that opened up to the begin, ascending. */
  readonly epochStarts?: readonly EpochStart[];
}

export interface ChainStateModules {
  readonly state: CommittedState;
  readonly chain: ChainReader & ChainWriter;
  /** Keeps the states of older blocks; undefined: nothing does. */
  readonly history?: StateHistory | undefined;
}

/**
 * The chain as applied on this node: flat state, open block and chain store move together, one mini-block or seal at a
 * time. The sequencer and the replica both write through here, so both have the same ids, diffs and blocks.
 */
export class ChainState {
  readonly #modules: ChainStateModules;
  /** Positions that a rollback can return to, up to the present one. */
  readonly #trail: ChainTrail;
  /** Last mini-block of the sealed blocks whose end state can be read. */
  readonly #blockEnds = new Map<number, number>();
  /** What each of them took, unless it was sealed before the start. */
  readonly #resources = new Map<number, BlockResources>();
  #open: OpenBlockState | undefined;
  /** Ascending. */
  #epochStarts: readonly EpochStart[];

  /** @param head the mini-block whose state `modules.state` is: that of a snapshot, or genesis */
  constructor(head: ChainPosition, { epochStarts = [] }: ChainStateOptions, modules: ChainStateModules) {
    this.#modules = modules;
    this.#trail = new ChainTrail(head);
    this.#epochStarts = epochStarts;
    this.#blockEnds.set(head.blockNumber, head.number);
  }

  head(): MiniBlockHead {
    return this.#trail.newest();
  }

  openBlock(): OpenBlockState | undefined {
    return this.#open;
  }

  /** The epochs of this chain so far, ascending. */
  epochStarts(): readonly EpochStart[] {
    return this.#epochStarts;
  }

  /** An epoch opened behind the head. */
  noteEpoch(start: EpochStart): void {
    const older = this.#epochStarts.filter(({ epoch, lastNumber }) => epoch < start.epoch && lastNumber <= start.lastNumber);
    this.#epochStarts = [...older, start];
  }

  /** Canonical bytes of the open block's net diff so far. */
  openBlockDiff(): Bytes {
    const { number } = this.head();
    const diff = this.#modules.state.netDiff(this.#open === undefined ? number : this.#open.firstNumber - 1, number);
    invariant(diff !== undefined, 'old values of the open block are kept');
    return diff;
  }

  /** The state at the end of a sealed block; undefined when it is not kept: too old, or from before the last start. */
  stateAt(blockNumber: number): StateView | undefined {
    const { state, chain, history } = this.#modules;
    if (blockNumber > chain.head().header.number) return undefined;
    const number = this.#blockEnds.get(blockNumber);
    return (number === undefined ? undefined : state.at(number)) ?? history?.at(blockNumber);
  }

  /** The oldest block that {@link ChainState.stateAt} has the state of. */
  oldestState(): number {
    const { state, chain, history } = this.#modules;
    const inMemory = [...this.#blockEnds].find(([, number]) => number >= state.floor)?.[0] ?? chain.head().header.number;
    return Math.min(inMemory, history?.oldest ?? inMemory);
  }

  /** Resolves when the next block can be sealed without outrunning the history. */
  async historyRoom(): Promise<void> {
    await this.#modules.history?.room();
  }

  /** Sealed blocks whose state can be read with their last mini-blocks, oldest first. */
  readableBlocks(): readonly { readonly blockNumber: number; readonly lastMiniBlock: number }[] {
    return [...this.#blockEnds].map(([blockNumber, lastMiniBlock]) => ({ blockNumber, lastMiniBlock }));
  }

  /** What the newest blocks took, and how large the state is. */
  resources(): ResourceUsage {
    const { state, chain } = this.#modules;
    return {
      openBlock: this.#open?.resources,
      sealedBlock: this.#resources.get(chain.head().header.number),
      accounts: state.rows.accountCount,
      slots: state.rows.slotCount,
    };
  }

  registryDigest(): Hash {
    return this.#modules.state.mark().digest;
  }

  /**
   * Applies a mini-block of a block that the store has already: only the state, which starts at an older snapshot.
   * @throws StrobeError STATE_DIFF_NOT_APPLICABLE; nothing is changed then
   */
  catchUp({ envelope, digest }: MiniBlock, diff: RowDiff): void {
    const { number, blockNumber, epoch, timestampUs } = envelope;
    this.#modules.state.applyRows(diff, number);
    const opensBlock = blockNumber !== this.#trail.newest().blockNumber;
    this.#trail.add({ epoch, number, digest, timestampUs, blockNumber, open: undefined });
    this.#blockEnds.set(blockNumber, number);
    if (opensBlock) this.#releaseState(blockNumber);
  }

  /** A block that the store has already is complete in the state. */
  caughtUp(seal: BlockSeal): void {
    this.#modules.history?.add(endOf(seal));
  }

  /**
   * Applies the next mini-block whole; its order, signature and digests were checked before.
   * @throws StrobeError STATE_DIFF_NOT_APPLICABLE, OPEN_BLOCK_MISMATCH; nothing is changed then
   */
  apply(commit: MiniBlockCommit): AppliedMiniBlock {
    const { envelope, digest } = commit.miniBlock;
    const { state, chain } = this.#modules;
    const { number, blockNumber, epoch, timestampUs } = envelope;
    this.#assertFits(commit);
    const { accountCount, slotCount } = state.rows;
    if (isRowDiff(commit.diff)) state.applyRows(commit.diff, number);
    else state.apply(commit.diff, number);
    const growth = { accounts: state.rows.accountCount - accountCount, slots: state.rows.slotCount - slotCount };
    const before = this.#open;
    this.#open = {
      env: commit.env,
      firstNumber: before?.firstNumber ?? number,
      gasUsed: commit.body.receipts.at(-1)?.cumulativeGasUsed ?? before?.gasUsed ?? 0n,
      nextIndex: envelope.index + 1,
      resources: withMiniBlock(before?.resources, commit, growth),
    };
    this.#trail.add({ epoch, number, digest, timestampUs, blockNumber, open: this.#open });
    return chain.appendMiniBlock(commit);
  }

  #assertFits({ miniBlock: { envelope } }: MiniBlockCommit): void {
    const open = this.#open;
    const expectedIndex = open?.nextIndex ?? 0;
    const expectedBlock = open?.env.number ?? this.#modules.chain.head().header.number + 1;
    if (envelope.index !== expectedIndex || envelope.blockNumber !== expectedBlock) {
      throw new StrobeError('OPEN_BLOCK_MISMATCH', 'the mini-block does not continue the open block', {
        number: envelope.number,
        blockNumber: envelope.blockNumber,
        index: envelope.index,
        expectedBlock,
        expectedIndex,
      });
    }
  }

  /**
   * Closes the open block with a seal that was checked against it. The next block can be begun when this returns its
   * promise; that resolves when the block is stored.
   */
  async seal(seal: BlockSeal): Promise<Block> {
    const { chain } = this.#modules;
    const { number } = seal.header;
    const sealing = chain.sealBlock(seal);
    // Not visible at once: it was refused, and nothing has changed.
    if (chain.head().header.number !== number) await sealing;
    if (this.#open !== undefined) this.#resources.set(number, this.#open.resources);
    this.#open = undefined;
    this.#trail.sealed();
    this.#blockEnds.set(number, seal.lastNumber);
    this.#modules.history?.add(endOf(seal));
    this.#releaseState(number);
    return sealing;
  }

  /** Old values are kept for undoing and for reading old blocks, seen from block `newest`. */
  #releaseState(newest: number): void {
    const { state, history } = this.#modules;
    const retainFrom = history?.retainFrom ?? Number.POSITIVE_INFINITY;
    // What the history has not stored yet is read from memory, however far it is behind.
    for (const [blockNumber, lastMiniBlock] of this.#blockEnds) {
      if (blockNumber >= newest - HISTORY_BLOCKS || lastMiniBlock >= retainFrom) break;
      this.#blockEnds.delete(blockNumber);
    }
    this.#resources.delete(newest - HISTORY_BLOCKS - 1);
    const [oldestReadable = 0] = this.#blockEnds.values();
    state.release(Math.min(oldestReadable, this.#trail.oldest().number, retainFrom));
    // The state forgets earlier when old values take too much memory.
    this.#trail.dropBefore(state.floor);
  }

  /**
   * Undoes every mini-block above `number`. A sealed block is undone whole: when `number` lies inside one, the head
   * ends at the block's begin, and the caller replays the log up to `number` (replay-log.ts).
   * @returns the mini-block that is the head now, at most `number`
   * @throws StrobeError ROLLBACK_BELOW_SAFE when the old values are gone already; nothing is changed then
   */
  async rollback(number: number): Promise<number> {
    if (number >= this.head().number) return this.head().number;
    const { state, chain, history } = this.#modules;
    const target = this.#trail.rollbackTarget(number, chain.head().header.number);
    if (target === undefined || target.number < state.floor) {
      throw new StrobeError('ROLLBACK_BELOW_SAFE', 'the old values of that mini-block are gone', { number });
    }
    await chain.rollback(target.number);
    if (target.open === undefined) history?.rollback(blockEndAt(target));
    state.rollback(target.number);
    this.#trail.rollback(target.number);
    this.#open = target.open;
    const sealed = chain.head().header.number;
    for (const blockNumbers of [this.#blockEnds, this.#resources]) {
      for (const blockNumber of blockNumbers.keys()) if (blockNumber > sealed) blockNumbers.delete(blockNumber);
    }
    return target.number;
  }

  /** Forgets how to undo blocks up to `blockNumber`: they are safe. */
  releaseUndo(blockNumber: number): void {
    this.#trail.dropThrough(blockNumber);
  }
}

function endOf({ header, lastNumber, lastDigest }: BlockSeal): BlockEnd {
  return { blockNumber: header.number, lastNumber, lastDigest };
}

/** Of a position that no open block goes on behind. */
function blockEndAt({ blockNumber, number, digest }: ChainPosition): BlockEnd {
  return { blockNumber, lastNumber: number, lastDigest: digest };
}
