import { type BlockHeader, encodeHeader, hashHeader } from '../protocol/block-header.ts';
import type { ChainReader } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { Bytes } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';
import { HISTORY_BLOCKS } from './state-history.ts';

/**
 * Headers kept: BLOCKHASH looks back 256 blocks (Yellow Paper, section H.2), and calls may stand as many blocks below
 * the head as old state is kept.
 */
const WINDOW = 256 + HISTORY_BLOCKS;

interface RecentHeader {
  readonly header: BlockHeader;
  readonly hash: Hash;
}

/** The newest sealed headers in memory: BLOCKHASH asks synchronously, in the middle of a transaction. */
export class RecentHeaders {
  readonly #headers = new Map<number, RecentHeader>();
  #newest = -1;
  /** Lowest block whose hash was asked for since {@link RecentHeaders.takeAncestors}. */
  #lowestAsked = Number.POSITIVE_INFINITY;

  /** Loads what the chain has and follows it from then on; returns what ends that. */
  async follow(chain: Pick<ChainReader, 'head' | 'blockByNumber' | 'sealOf' | 'subscribe'>): Promise<() => void> {
    const head = chain.head().header.number;
    for (let number = Math.max(0, head - WINDOW + 1); number <= head; number++) {
      // Block 0 has no seal.
      const header = (await chain.sealOf(number))?.header ?? (await chain.blockByNumber(number))?.header;
      invariant(header !== undefined, 'every block up to the head is stored');
      this.add({ header, hash: hashHeader(header) });
    }
    return chain.subscribe((event) => {
      if (event.kind === 'block') this.add(event.block);
      if (event.kind === 'rollback') this.#truncate(chain.head().header.number);
    });
  }

  /** A sealed header, or one whose seal is on its way: the next block is executed on it already. */
  add({ header, hash }: RecentHeader): void {
    this.#headers.set(header.number, { header, hash });
    this.#newest = header.number;
    this.#headers.delete(header.number - WINDOW);
  }

  #truncate(newest: number): void {
    for (let number = this.#newest; number > newest; number--) this.#headers.delete(number);
    this.#newest = newest;
  }

  /** The hash of a recent block. */
  hashOf(blockNumber: number): Hash | undefined {
    return this.#headers.get(blockNumber)?.hash;
  }

  /** As {@link RecentHeaders.hashOf}, for the execution of the chain: what it asks for goes into the block's witness. */
  hashForExecution(blockNumber: number): Hash | undefined {
    const found = this.hashOf(blockNumber);
    if (found !== undefined) this.#lowestAsked = Math.min(this.#lowestAsked, blockNumber);
    return found;
  }

  /** RLP headers from the newest block down to the lowest one asked for, at least the newest; then forgets. */
  takeAncestors(): Bytes[] {
    const lowest = Math.min(this.#lowestAsked, this.#newest);
    this.#lowestAsked = Number.POSITIVE_INFINITY;
    const headers: Bytes[] = [];
    for (let number = this.#newest; number >= lowest; number--) {
      const recent = this.#headers.get(number);
      if (recent === undefined) break;
      headers.push(encodeHeader(recent.header));
    }
    return headers;
  }
}
