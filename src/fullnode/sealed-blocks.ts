import type { ChainReader } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { type BlockSeal, blockHashOf } from '../protocol/sequencer-messages.ts';
import { toKey } from '../util/bytes.ts';

/** What attestations and witnesses of a sealed block are checked against. */
export interface SealedBlock {
  readonly seal: BlockSeal;
  readonly hash: Hash;
  /** State root of the parent. */
  readonly preStateRoot: Hash;
}

/** Seals kept in memory, about 1 KB each; older ones are read from the store. */
const MAX_SEALS = 1_024;
/** Hashes of undone blocks: late attestations of them are no disagreement. */
const MAX_RETIRED = 1_024;

export interface SealedBlocksModules {
  readonly chain: Pick<ChainReader, 'blockByNumber' | 'sealOf'>;
}

/** The sealed blocks of this node's chain: recent ones in memory, the others in the store. */
export class SealedBlocks {
  readonly #modules: SealedBlocksModules;
  readonly #blocks = new Map<number, SealedBlock>();
  readonly #retired = new Set<string>();

  constructor(modules: SealedBlocksModules) {
    this.#modules = modules;
  }

  /** Remembers a block that was just sealed. */
  add(block: SealedBlock): void {
    this.#blocks.set(block.seal.header.number, block);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= MAX_SEALS) break;
      this.#blocks.delete(oldest);
    }
  }

  /** Forgets blocks above `blockNumber`: they were undone. */
  retireAbove(blockNumber: number): void {
    for (const [number, block] of this.#blocks) {
      if (number <= blockNumber) continue;
      this.#blocks.delete(number);
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
}
