import type { MiniBlock } from '../protocol/mini-block.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { BlockSeal, EpochStart } from '../protocol/sequencer-messages.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';
import type { ProverLimits } from './prover-options.ts';

/** Where the next block starts. */
export interface BlockPosition {
  /** Newest block that is done, and its last mini-block. */
  readonly blockNumber: number;
  readonly lastNumber: number;
}

/** A sealed block with all its mini-blocks; bytes are wire forms without kind bytes. */
export interface AssembledBlock {
  readonly seal: BlockSeal;
  readonly sealBytes: Bytes;
  readonly miniBlocks: readonly Bytes[];
  readonly parentDigest: Hash;
}

interface KeptMiniBlock {
  readonly epoch: number;
  readonly digest: Hash;
  readonly parentDigest: Hash;
  readonly bytes: Bytes;
}

interface KeptSeal {
  readonly seal: BlockSeal;
  readonly bytes: Bytes;
}

export type AssemblerLimits = Pick<ProverLimits, 'maxMiniBlocks' | 'maxMiniBlockBytes' | 'blockWindow'>;

/**
 * Puts authentic mini-blocks and seals together to blocks, whatever order they come in. Bounded: what is too far ahead
 * is not taken, and when bytes run out the farthest goes; both come back by range.
 */
export class BlockAssembler {
  readonly #limits: AssemblerLimits;
  readonly #miniBlocks = new Map<number, KeptMiniBlock>();
  readonly #seals = new Map<number, KeptSeal>();
  #position: BlockPosition = { blockNumber: 0, lastNumber: 0 };
  #bytes = 0;
  /** Newest that was seen, kept or not. */
  #seenNumber = 0;
  #seenBlock = 0;

  constructor(limits: AssemblerLimits) {
    this.#limits = limits;
  }

  /** Newest sealed block that anything points to. */
  get seenBlock(): number {
    return this.#seenBlock;
  }

  get position(): BlockPosition {
    return this.#position;
  }

  /** Moves to another position; what lies before it is forgotten. */
  moveTo(position: BlockPosition): void {
    this.#position = position;
    for (const number of [...this.#miniBlocks.keys()]) if (number <= position.lastNumber) this.#removeMiniBlock(number);
    for (const number of [...this.#seals.keys()]) if (number <= position.blockNumber) this.#seals.delete(number);
  }

  /** Notes a mini-block number that the sequencer has reached, from a heartbeat. */
  noteHead(number: number): void {
    this.#seenNumber = Math.max(this.#seenNumber, number);
  }

  /** @returns false when it is of no use now: too far ahead, or the buffer is full of nearer ones */
  addMiniBlock({ envelope, digest }: MiniBlock, bytes: Bytes): boolean {
    const { number, epoch, blockNumber, parentDigest } = envelope;
    this.#seenNumber = Math.max(this.#seenNumber, number);
    this.#seenBlock = Math.max(this.#seenBlock, blockNumber - 1);
    const { lastNumber } = this.#position;
    if (number <= lastNumber) return true;
    if (number > lastNumber + this.#limits.maxMiniBlocks) return false;
    const kept = this.#miniBlocks.get(number);
    if (kept !== undefined && kept.epoch >= epoch) return true;
    this.#removeMiniBlock(number);
    this.#miniBlocks.set(number, { epoch, digest, parentDigest, bytes });
    this.#bytes += bytes.length;
    while (this.#bytes > this.#limits.maxMiniBlockBytes) this.#removeMiniBlock(Math.max(...this.#miniBlocks.keys()));
    return this.#miniBlocks.has(number);
  }

  /** @returns false when it is too far ahead */
  addSeal(seal: BlockSeal, bytes: Bytes): boolean {
    const { number } = seal.header;
    this.#seenBlock = Math.max(this.#seenBlock, number);
    this.#seenNumber = Math.max(this.#seenNumber, seal.lastNumber);
    if (number <= this.#position.blockNumber) return true;
    if (number > this.#position.blockNumber + this.#limits.blockWindow) return false;
    const kept = this.#seals.get(number);
    if (kept === undefined || kept.seal.epoch < seal.epoch) this.#seals.set(number, { seal, bytes });
    return true;
  }

  /** A new epoch: what older ones signed above its start does not count any more. */
  addEpochStart({ epoch, lastNumber }: EpochStart): void {
    for (const [number, miniBlock] of this.#miniBlocks) {
      if (number > lastNumber && miniBlock.epoch < epoch) this.#removeMiniBlock(number);
    }
    for (const [number, { seal }] of this.#seals) {
      if (seal.lastNumber > lastNumber && seal.epoch < epoch) this.#seals.delete(number);
    }
  }

  /** Digest kept at a position, for telling repeats. */
  miniBlockDigest(epoch: number, number: number): Hash | undefined {
    const kept = this.#miniBlocks.get(number);
    return kept?.epoch === epoch ? kept.digest : undefined;
  }

  seal(blockNumber: number): BlockSeal | undefined {
    return this.#seals.get(blockNumber)?.seal;
  }

  /** Mini-blocks or seals exist that are not here, though the next block needs them or they are out. */
  isBehind(): boolean {
    const next = this.#position.blockNumber + 1;
    const kept = this.#seals.get(next);
    if (kept === undefined) return this.#seenBlock >= next || this.#firstMissing() <= this.#seenNumber;
    return this.#firstMissing() <= kept.seal.lastNumber;
  }

  #firstMissing(): number {
    let number = this.#position.lastNumber + 1;
    while (this.#miniBlocks.has(number)) number++;
    return number;
  }

  /** True when the next block's seal asks for more mini-blocks than are ever kept: it can never be put together. */
  isNextTooLarge(): boolean {
    const seal = this.seal(this.#position.blockNumber + 1);
    return seal !== undefined && seal.lastNumber > this.#position.lastNumber + this.#limits.maxMiniBlocks;
  }

  /** The next block when all of it is here; mini-blocks that the seal does not commit to are thrown out. */
  next(): AssembledBlock | undefined {
    const kept = this.#seals.get(this.#position.blockNumber + 1);
    if (kept === undefined) return undefined;
    const { seal, bytes: sealBytes } = kept;
    const miniBlocks: Bytes[] = [];
    let expected = seal.lastDigest;
    for (let number = seal.lastNumber; number >= seal.firstNumber; number--) {
      const miniBlock = this.#miniBlocks.get(number);
      if (miniBlock === undefined) return undefined;
      if (!bytesEqual(miniBlock.digest, expected)) {
        this.#removeMiniBlock(number);
        return undefined;
      }
      miniBlocks.push(miniBlock.bytes);
      expected = miniBlock.parentDigest;
    }
    return { seal, sealBytes, miniBlocks: miniBlocks.reverse(), parentDigest: expected };
  }

  #removeMiniBlock(number: number): void {
    const kept = this.#miniBlocks.get(number);
    if (kept === undefined) return;
    this.#bytes -= kept.bytes.length;
    this.#miniBlocks.delete(number);
  }
}
