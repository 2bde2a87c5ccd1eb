import type { BlockEnvironment } from '../protocol/block-header.ts';
import type {
  AppliedMiniBlock,
  Block,
  ChainReader,
  ChainWriter,
  MiniBlockCommit,
  RegistryDelta,
  RegistryMark,
} from '../protocol/ports/chain.ts';
import type { CommittedState, StateUndo, StateView } from '../protocol/ports/state.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import { countDiffKeys, type StateDiff } from '../protocol/state-diff.ts';
import { StrobeError } from '../util/errors.ts';
import { BlockDiffAccumulator } from './block-diff.ts';
import type { KeyedState } from './keyed-state.ts';
import type { Registry } from './registry.ts';
import { StateHistory } from './state-history.ts';

/** Newest applied mini-block; number 0 and the genesis hash before the first. */
export interface MiniBlockHead {
  readonly epoch: number;
  readonly number: number;
  readonly digest: Hash;
  readonly timestampUs: number;
}

/** The EVM block that is being filled. */
export interface OpenBlockState {
  readonly env: BlockEnvironment;
  readonly firstNumber: number;
  readonly gasUsed: bigint;
  /** Index that its next mini-block has. */
  readonly nextIndex: number;
}

export interface ChainStateModules {
  readonly state: CommittedState & KeyedState;
  readonly registry: Registry;
  readonly chain: ChainReader & ChainWriter;
}

/**
 * State keys in the records that undo mini-blocks, some 500 bytes each: safe blocks release theirs, and while provers
 * stand still the oldest go beyond it. What lies below cannot be undone then, as after a restart.
 */
const MAX_UNDO_KEYS = 1_000_000;

/** A mini-block that can still be undone. */
interface UndoEntry {
  readonly before: MiniBlockHead;
  readonly openBefore: OpenBlockState | undefined;
  readonly registryBefore: RegistryMark;
  readonly diff: StateDiff;
  readonly undo: StateUndo;
  readonly blockNumber: number;
}

/**
 * The chain as applied on this node: flat state, registry, open block and chain store move together, one mini-block or
 * seal at a time. The sequencer and the replica both write through here, so both have the same ids, diffs and blocks.
 */
export class ChainState {
  readonly #modules: ChainStateModules;
  readonly #blockDiff = new BlockDiffAccumulator();
  readonly #history: StateHistory;
  readonly #maxUndoKeys: number;
  /** Newest last; see {@link ChainState.releaseUndo}. */
  #undoEntries: UndoEntry[] = [];
  #undoKeys = 0;
  #head: MiniBlockHead;
  #open: OpenBlockState | undefined;
  /** The registry when the open block began. */
  #registryAtOpen: RegistryMark;

  constructor(head: MiniBlockHead, modules: ChainStateModules, maxUndoKeys: number = MAX_UNDO_KEYS) {
    this.#head = head;
    this.#maxUndoKeys = maxUndoKeys;
    this.#modules = modules;
    this.#registryAtOpen = modules.registry.mark();
    this.#history = new StateHistory(modules.state);
  }

  head(): MiniBlockHead {
    return this.#head;
  }

  openBlock(): OpenBlockState | undefined {
    return this.#open;
  }

  /** Net diff of the open block so far. */
  openBlockDiff(): StateDiff {
    return this.#blockDiff.net();
  }

  /** The state at the end of a sealed block; undefined when it is not kept: before the last start, or too old. */
  stateAt(blockNumber: number): StateView | undefined {
    const head = this.#modules.chain.head().header.number;
    return blockNumber > head ? undefined : this.#history.at(blockNumber, head);
  }

  registryDigest(): Hash {
    return this.#modules.registry.mark().digest;
  }

  /**
   * Applies the next mini-block whole; its order, signature and digests were checked before.
   * @throws StrobeError STATE_DIFF_NOT_APPLICABLE, OPEN_BLOCK_MISMATCH; nothing is changed then
   */
  apply(commit: MiniBlockCommit): AppliedMiniBlock {
    const { envelope, digest } = commit.miniBlock;
    const { state, registry, chain } = this.#modules;
    this.#assertFits(commit);
    const before = { head: this.#head, open: this.#open, registry: registry.mark() };
    const undo = state.apply(commit.diff);
    if (before.open === undefined) this.#registryAtOpen = before.registry;
    registry.commit(commit.diff);
    this.#blockDiff.add(commit.diff, undo);
    this.#history.record(envelope.blockNumber, undo);
    this.#undoEntries.push({
      before: before.head,
      openBefore: before.open,
      registryBefore: before.registry,
      diff: commit.diff,
      undo,
      blockNumber: envelope.blockNumber,
    });
    this.#undoKeys += countDiffKeys(commit.diff);
    const lastReceipt = commit.body.receipts.at(-1);
    this.#open = {
      env: commit.env,
      firstNumber: before.open?.firstNumber ?? envelope.number,
      gasUsed: lastReceipt?.cumulativeGasUsed ?? before.open?.gasUsed ?? 0n,
      nextIndex: envelope.index + 1,
    };
    this.#head = { epoch: envelope.epoch, number: envelope.number, digest, timestampUs: envelope.timestampUs };
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
    const sealing = chain.sealBlock(seal, this.#blockDiff.net(), this.#registryDelta(seal));
    // Not visible at once: it was refused, and nothing has changed.
    if (chain.head().header.number !== seal.header.number) await sealing;
    this.#blockDiff.reset();
    this.#open = undefined;
    for (let oldest = this.#undoEntries[0]; oldest !== undefined; oldest = this.#undoEntries[0]) {
      if (this.#undoKeys <= this.#maxUndoKeys || oldest.blockNumber === seal.header.number) break;
      this.releaseUndo(oldest.blockNumber);
    }
    return sealing;
  }

  /** Rows of the open block; the first block stores those of the genesis allocation too. */
  #registryDelta(seal: BlockSeal): RegistryDelta {
    const { registry } = this.#modules;
    const before = seal.header.number === 1 ? { accounts: 0, slots: 0 } : this.#registryAtOpen;
    return { before, rows: registry.rowsSince(before), digest: registry.mark().digest };
  }

  /**
   * Undoes every mini-block above `number`. A sealed block is undone whole: when `number` lies inside one, the head
   * ends at the block's begin, and the caller replays the log up to `number` (replay-log.ts).
   * @returns the mini-block that is the head now, at most `number`
   * @throws StrobeError ROLLBACK_BELOW_SAFE when the undo records are gone already; nothing is changed then
   */
  async rollback(number: number): Promise<number> {
    if (number >= this.#head.number) return this.#head.number;
    const target = this.#rollbackTarget(number);
    const keep = this.#undoEntries.findIndex((entry) => entry.before.number === target);
    const first = this.#undoEntries[keep];
    if (first === undefined) {
      throw new StrobeError('ROLLBACK_BELOW_SAFE', 'the undo records of that mini-block are gone', { number });
    }
    const undone = this.#undoEntries.slice(keep).reverse();
    const undos = undone.map((entry) => entry.undo);
    await this.#modules.chain.rollback(target, undos, first.registryBefore);
    for (const undo of undos) this.#modules.state.undo(undo);
    this.#modules.registry.truncate(first.registryBefore);
    this.#keepUndo(0, keep);
    this.#head = first.before;
    this.#open = first.openBefore;
    this.#history.truncate(this.#open?.env.number ?? this.#modules.chain.head().header.number);
    this.#rebuildBlockDiff();
    return target;
  }

  /** The mini-block in front of the sealed block that `number` lies inside of; else `number` itself. */
  #rollbackTarget(number: number): number {
    const next = this.#undoEntries.find((entry) => entry.before.number >= number);
    const isInside = next?.openBefore !== undefined && next.blockNumber <= this.#modules.chain.head().header.number;
    return isInside ? next.openBefore.firstNumber - 1 : number;
  }

  #rebuildBlockDiff(): void {
    this.#blockDiff.reset();
    const open = this.#open;
    if (open === undefined) return;
    for (const entry of this.#undoEntries) {
      if (entry.blockNumber === open.env.number) this.#blockDiff.add(entry.diff, entry.undo);
    }
  }

  /** Forgets how to undo blocks up to `blockNumber`: they are safe. */
  releaseUndo(blockNumber: number): void {
    const first = this.#undoEntries.findIndex((entry) => entry.blockNumber > blockNumber);
    this.#keepUndo(first === -1 ? this.#undoEntries.length : first, this.#undoEntries.length);
  }

  #keepUndo(from: number, to: number): void {
    for (const { diff } of [...this.#undoEntries.slice(0, from), ...this.#undoEntries.slice(to)]) {
      this.#undoKeys -= countDiffKeys(diff);
    }
    this.#undoEntries = this.#undoEntries.slice(from, to);
  }
}
