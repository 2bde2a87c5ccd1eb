import type { BlockEnvironment } from '../protocol/block-header.ts';
import type { BlockResources } from '../protocol/ports/resources.ts';
import type { Hash } from '../protocol/primitives.ts';
import { invariant } from '../util/errors.ts';

/** The EVM block that is being filled. */
export interface OpenBlockState {
  readonly env: BlockEnvironment;
  readonly firstNumber: number;
  readonly gasUsed: bigint;
  /** Index that its next mini-block has. */
  readonly nextIndex: number;
  readonly resources: BlockResources;
}

/** Newest applied mini-block; number 0 and the genesis hash before the first. */
export interface MiniBlockHead {
  readonly epoch: number;
  readonly number: number;
  readonly digest: Hash;
  readonly timestampUs: number;
}

/** The chain right behind one mini-block. */
export interface ChainPosition extends MiniBlockHead {
  /** The EVM block that the mini-block is part of; 0: genesis. */
  readonly blockNumber: number;
  /** The block that goes on behind it; undefined when it was the last of a sealed one. */
  readonly open: OpenBlockState | undefined;
}

/** The newest positions of the chain, without gaps: where a rollback can go, and what the head is then. */
export class ChainTrail {
  /** Oldest first; never empty. */
  #positions: ChainPosition[];

  constructor(start: ChainPosition) {
    this.#positions = [start];
  }

  newest(): ChainPosition {
    return this.#positions.at(-1) as ChainPosition;
  }

  oldest(): ChainPosition {
    return this.#positions[0] as ChainPosition;
  }

  add(position: ChainPosition): void {
    invariant(position.number === this.newest().number + 1, 'mini-blocks follow one another');
    this.#positions.push(position);
  }

  /** The block of the newest position was sealed. */
  sealed(): void {
    this.#positions[this.#positions.length - 1] = { ...this.newest(), open: undefined };
  }

  /**
   * Where undoing everything above `number` ends: at `number`, or at the begin of the sealed block that it lies inside
   * of. Undefined: not kept any more.
   */
  rollbackTarget(number: number, sealedBlock: number): ChainPosition | undefined {
    const index = number - this.oldest().number;
    const position = this.#positions[index];
    const next = this.#positions[index + 1];
    if (position === undefined || next === undefined) return position;
    const isInside = next.blockNumber === position.blockNumber && position.blockNumber <= sealedBlock;
    if (!isInside) return position;
    return this.#positions.findLast((candidate) => candidate.blockNumber < position.blockNumber);
  }

  rollback(number: number): void {
    this.#positions.length = number - this.oldest().number + 1;
  }

  /** Forgets the positions below mini-block `number`. */
  dropBefore(number: number): void {
    const count = Math.min(number - this.oldest().number, this.#positions.length - 1);
    if (count > 0) this.#positions = this.#positions.slice(count);
  }

  /** Forgets the positions inside and below block `blockNumber`; its end stays. */
  dropThrough(blockNumber: number): void {
    const end = this.#positions.findLast((position) => position.blockNumber <= blockNumber);
    if (end !== undefined) this.dropBefore(end.number);
  }
}
