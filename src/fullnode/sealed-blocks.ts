import type { DiffCodec } from '../protocol/diff-codec.ts';
import { decodeLogRecord } from '../protocol/log-record.ts';
import type { ChainReader } from '../protocol/ports/chain.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { Hash } from '../protocol/primitives.ts';
import { type BlockSeal, blockHashOf } from '../protocol/sequencer-messages.ts';
import { countDiffKeys, type StateDiff } from '../protocol/state-diff.ts';
import { toKey } from '../util/bytes.ts';
import { composeDiffs } from './compose-diffs.ts';

/** What attestations and witnesses of a sealed block are checked against. */
export interface SealedBlock {
  readonly seal: BlockSeal;
  readonly hash: Hash;
  /** State root of the parent. */
  readonly preStateRoot: Hash;
}

/** Seals kept in memory, about 1 KB each; older ones are read from the log. */
const MAX_SEALS = 1_024;
/** State keys in the kept diffs of blocks whose root is not proven yet; beyond it they are read from the log. */
const MAX_DIFF_KEYS = 500_000;
/** Hashes of undone blocks: late attestations of them are no disagreement. */
const MAX_RETIRED = 1_024;

export interface SealedBlocksModules {
  readonly chain: Pick<ChainReader, 'blockByNumber' | 'sealOf'>;
  readonly log: Pick<MiniBlockLog, 'read'>;
  readonly codec: DiffCodec;
}

/** The sealed blocks of this node's chain with what verifying them needs: recent ones in memory, the others in the log. */
export class SealedBlocks {
  readonly #modules: SealedBlocksModules;
  readonly #blocks = new Map<number, SealedBlock>();
  readonly #diffs = new Map<number, StateDiff>();
  #diffKeys = 0;
  readonly #retired = new Set<string>();

  constructor(modules: SealedBlocksModules) {
    this.#modules = modules;
  }

  /** Remembers a block that was just sealed. */
  add(block: SealedBlock, netDiff: StateDiff): void {
    const { number } = block.seal.header;
    this.#blocks.set(number, block);
    this.#diffs.set(number, netDiff);
    this.#diffKeys += countDiffKeys(netDiff);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= MAX_SEALS) break;
      this.#blocks.delete(oldest);
    }
    for (const oldest of this.#diffs.keys()) {
      if (this.#diffKeys <= MAX_DIFF_KEYS) break;
      this.releaseDiff(oldest);
    }
  }

  /** Forgets the diff of a block whose root is proven. */
  releaseDiff(blockNumber: number): void {
    const diff = this.#diffs.get(blockNumber);
    if (diff === undefined) return;
    this.#diffs.delete(blockNumber);
    this.#diffKeys -= countDiffKeys(diff);
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

  /**
   * A diff that leads from the parent's state to the block's: the net diff, or the join of its mini-blocks' from the
   * log. Undefined when the log does not have all of them.
   */
  async diff({ seal }: SealedBlock): Promise<StateDiff | undefined> {
    const kept = this.#diffs.get(seal.header.number);
    if (kept !== undefined) return kept;
    const diffs: StateDiff[] = [];
    for await (const { number, bytes } of this.#modules.log.read(seal.firstNumber)) {
      if (number > seal.lastNumber) break;
      const record = decodeLogRecord(bytes);
      if (record.kind === 'miniBlock') diffs.push(this.#modules.codec.decode(record.miniBlock.diffPayload));
    }
    return diffs.length === seal.lastNumber - seal.firstNumber + 1 ? composeDiffs(diffs) : undefined;
  }
}
