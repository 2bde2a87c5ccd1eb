import { type BlockHeader, hashHeader } from '../../src/protocol/block-header.ts';
import type { AppliedMiniBlock, Block, ChainReader, ChainWriter, MiniBlockCommit } from '../../src/protocol/ports/chain.ts';
import type { Hash } from '../../src/protocol/primitives.ts';
import type { BlockSeal } from '../../src/protocol/sequencer-messages.ts';
import { StrobeError } from '../../src/util/errors.ts';

interface SealedBlock {
  readonly header: BlockHeader;
  readonly hash: Hash;
  readonly lastMiniBlock: number;
}

/** What a role writes of the chain, in lists; of the reads only those that roles make while they write. */
export class MemoryChain {
  readonly miniBlocks: MiniBlockCommit[] = [];
  readonly seals: BlockSeal[] = [];
  readonly #genesis: SealedBlock;
  readonly #sealed: SealedBlock[] = [];
  safe: number | undefined;
  /** Called before each write with its name: the order of things is what tests are about. */
  onWrite: (name: string) => void = () => {};

  constructor(genesis: BlockHeader) {
    this.#genesis = { header: genesis, hash: hashHeader(genesis), lastMiniBlock: 0 };
  }

  /** This object as the port; a read that is not here throws. */
  get port(): ChainReader & ChainWriter {
    return this as unknown as ChainReader & ChainWriter;
  }

  head(): SealedBlock {
    return this.#sealed.at(-1) ?? this.#genesis;
  }

  miniBlockNumber(): number {
    return this.miniBlocks.at(-1)?.miniBlock.envelope.number ?? 0;
  }

  async sealOf(blockNumber: number): Promise<BlockSeal | undefined> {
    return this.seals[blockNumber - 1];
  }

  safeNumber(): number | undefined {
    return this.safe;
  }

  appendMiniBlock(commit: MiniBlockCommit): AppliedMiniBlock {
    this.onWrite('chain.appendMiniBlock');
    this.miniBlocks.push(commit);
    const { miniBlock, env } = commit;
    return { miniBlock, env, transactions: [], firstLogIndex: 0, gasUsed: 0n };
  }

  async sealBlock(seal: BlockSeal): Promise<Block> {
    this.onWrite('chain.sealBlock');
    this.seals.push(seal);
    const { header, firstNumber, lastNumber } = seal;
    const hash = hashHeader(header);
    this.#sealed.push({ header, hash, lastMiniBlock: lastNumber });
    return { header, hash, transactions: [], sizeBytes: 0, firstMiniBlock: firstNumber, lastMiniBlock: lastNumber };
  }

  async rollback(number: number): Promise<void> {
    if ((this.#sealed[(this.safe ?? 0) - 1]?.lastMiniBlock ?? 0) > number) {
      throw new StrobeError('ROLLBACK_BELOW_SAFE', 'the safe block stays');
    }
    this.onWrite('chain.rollback');
    while (this.head().lastMiniBlock > number) {
      this.#sealed.pop();
      this.seals.pop();
    }
    while ((this.miniBlocks.at(-1)?.miniBlock.envelope.number ?? 0) > number) this.miniBlocks.pop();
  }
}
