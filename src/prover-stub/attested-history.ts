import type { EpochStart } from '../protocol/sequencer-messages.ts';
import type { Bytes } from '../util/bytes.ts';
import type { BlockPosition } from './block-assembler.ts';
import type { PreviousBlock } from './block-job.ts';
import type { ProvedBlock } from './progress-file.ts';

/**
 * Newest blocks kept: enough to go back behind an epoch that gave up a tail, and for nodes that join late to learn what
 * was attested in the last minute; older attestations come with ranges.
 */
const MAX_PROVED_BLOCKS = 64;

/** The blocks this prover is done with, newest last. */
export class AttestedHistory {
  #blocks: readonly ProvedBlock[] = [];

  get blocks(): readonly ProvedBlock[] {
    return this.#blocks;
  }

  get newest(): ProvedBlock | undefined {
    return this.#blocks.at(-1);
  }

  get position(): BlockPosition {
    const { blockNumber, lastNumber } = this.newest ?? { blockNumber: 0, lastNumber: 0 };
    return { blockNumber, lastNumber };
  }

  /**
   * What the next block must continue; undefined when nothing could be said about the newest one. A block that is another
   * prover's to attest counts with what the sequencer signed of it.
   */
  get previous(): PreviousBlock | undefined {
    const { newest } = this;
    if (newest === undefined || (newest.attestation === undefined && newest.isSkipped !== true)) return undefined;
    const { blockHash, lastNumber, lastDigest } = newest;
    return { blockHash, lastNumber, lastDigest };
  }

  /** Signed attestations, oldest first. */
  get attestations(): readonly Bytes[] {
    return this.#blocks.flatMap(({ attestation }) => (attestation === undefined ? [] : [attestation]));
  }

  load(blocks: readonly ProvedBlock[]): void {
    this.#blocks = blocks.slice(-MAX_PROVED_BLOCKS);
  }

  add(block: ProvedBlock): void {
    this.#blocks = [...this.#blocks, block].slice(-MAX_PROVED_BLOCKS);
  }

  /** Goes back by one block: to the start of the chain when no older one is known. */
  dropNewest(): void {
    this.#blocks = this.#blocks.slice(0, -1);
  }

  /** Forgets blocks that a new epoch gave up. @returns true when there were any */
  dropGivenUp({ epoch, lastNumber }: EpochStart): boolean {
    const kept = this.#blocks.filter((block) => block.epoch >= epoch || block.lastNumber <= lastNumber);
    const dropped = kept.length < this.#blocks.length;
    this.#blocks = kept;
    return dropped;
  }
}
