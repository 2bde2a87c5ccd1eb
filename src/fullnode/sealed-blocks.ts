import type { ChainReader } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { type BlockSeal, blockHashOf } from '../protocol/sequencer-messages.ts';
import { type Bytes, toKey } from '../util/bytes.ts';

/** What attestations and witnesses of a sealed block are checked against. */
export interface SealedBlock {
  readonly seal: BlockSeal;
  readonly hash: Hash;
  /** State root of the parent. */
  readonly preStateRoot: Hash;
}

/** Seals kept in memory, about 1 KB each; older ones are read from the store. */
const MAX_SEALS = 1_024;
/** Bytes of the kept diffs of blocks whose root is not proven yet; beyond it they are read from the store. */
const MAX_DIFF_BYTES = 64 * 1024 * 1024;
/** Hashes of undone blocks: late attestations of them are no disagreement. */
const MAX_RETIRED = 1_024;

export interface SealedBlocksModules {
  readonly chain: Pick<ChainReader, 'blockByNumber' | 'sealOf' | 'blockDiff'>;
}

/** The sealed blocks of this node's chain with what verifying them needs: recent ones in memory, the others in the store. */
export class SealedBlocks {
  readonly #modules: SealedBlocksModules;
  readonly #blocks = new Map<number, SealedBlock>();
  /** Canonical bytes of net diffs. */
  readonly #diffs = new Map<number, Bytes>();
  #diffBytes = 0;
  readonly #retired = new Set<string>();

  constructor(modules: SealedBlocksModules) {
    this.#modules = modules;
  }

  /** Remembers a block that was just sealed. */
  add(block: SealedBlock, netDiff: Bytes): void {
    const { number } = block.seal.header;
    this.#blocks.set(number, block);
    this.#diffs.set(number, netDiff);
    this.#diffBytes += netDiff.length;
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= MAX_SEALS) break;
      this.#blocks.delete(oldest);
    }
    for (const oldest of this.#diffs.keys()) {
      if (this.#diffBytes <= MAX_DIFF_BYTES) break;
      this.releaseDiff(oldest);
    }
  }

  /** Forgets the diff of a block whose root is proven. */
  releaseDiff(blockNumber: number): void {
    const diff = this.#diffs.get(blockNumber);
    if (diff === undefined) return;
    this.#diffs.delete(blockNumber);
    this.#diffBytes -= diff.length;
  }

  /** Forgets blocks above `blockNumber`: they were undone. */
  retireAbove(blockNumber: number): void {
    for (const [number, block] of this.#blocks) {
      if (number <= blockNumber) continue;
      this.#blocks.delete(number);
      this.releaseDiff(number);
      this.#retired.add(toKey(block.hash));
    }
    for (const oldest of this.#retired) {
      if (this.#retired.size <= MAX_RETIRED) return;
      this.#retired.delete(oldest);
    }
  }

  /** True for a block that this node had and undid. */
  isRetired(hash: Hash): boolean {
    return this.#retired.has(toKey(hash));
  }

  /** Undefined: that block is not sealed here. */
  async get(blockNumber: number): Promise<SealedBlock | undefined> {
    return this.#blocks.get(blockNumber) ?? this.#read(blockNumber);
  }

  async #read(blockNumber: number): Promise<SealedBlock | undefined> {
    if (blockNumber === 0) return undefined;
    const seal = await this.#modules.chain.sealOf(blockNumber);
    if (seal === undefined) return undefined;
    const parent = await this.#parentRoot(blockNumber);
    return parent === undefined ? undefined : { seal, hash: blockHashOf(seal), preStateRoot: parent };
  }

  async #parentRoot(blockNumber: number): Promise<Hash | undefined> {
    const { chain } = this.#modules;
    if (blockNumber === 1) return (await chain.blockByNumber(0))?.header.stateRoot;
    return (await chain.sealOf(blockNumber - 1))?.header.stateRoot;
  }

  /** Canonical bytes of the net diff that the block was sealed with; undefined when its root was verified already. */
  async diff({ seal }: SealedBlock): Promise<Bytes | undefined> {
    const { number } = seal.header;
    return this.#diffs.get(number) ?? this.#modules.chain.blockDiff(number);
  }
}
