import { type BlockHeader, encodeHeader, hashHeader } from '../protocol/block-header.ts';
import type { ChainReader } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { type Bytes, concatBytes } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';
import { HISTORY_BLOCKS } from './chain-state.ts';

/** Blocks that BLOCKHASH looks back (Yellow Paper, section H.2). */
const BLOCKHASH_WINDOW = 256;

const HASH_BYTES = 32;

/** Headers kept: calls may stand as many blocks below the head as old state is kept. */
const WINDOW = BLOCKHASH_WINDOW + HISTORY_BLOCKS;

/** Hashes of recent blocks for another thread. */
export interface RecentHashes {
  /** Of the newest block, and of each of its ancestors up to the oldest here, 32 bytes each. */
  readonly hashes: Bytes;
  readonly newest: number;
}

/** BLOCKHASH from what {@link RecentHeaders.hashes} told. */
export function hashOfRecent({ hashes, newest }: RecentHashes, blockNumber: number): Hash | undefined {
  const start = (newest - blockNumber) * HASH_BYTES;
  return start < 0 || start >= hashes.length ? undefined : hashes.slice(start, start + HASH_BYTES);
}

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
  /** A header that is in memory no more, where the chain that is followed has it. */
  #storedHeader: (number: number) => Promise<BlockHeader | undefined> = async () => undefined;

  /**
   * Loads what the chain has and follows it from then on; returns what ends that.
   * @param older headers from below the block that the chain begins with here, of the snapshot that it was begun with
   */
  async follow(
    chain: Pick<ChainReader, 'head' | 'blockByNumber' | 'sealOf' | 'subscribe'>,
    older: readonly BlockHeader[] = [],
  ): Promise<() => void> {
    this.#storedHeader = async (number) => {
      // Block 0 has no seal.
      const stored = (await chain.sealOf(number))?.header ?? (await chain.blockByNumber(number))?.header;
      return stored ?? older.find((each) => each.number === number);
    };
    const head = chain.head().header.number;
    const headers: BlockHeader[] = [];
    for (let number = head; number >= 0 && headers.length < WINDOW; number--) {
      const header = await this.#storedHeader(number);
      if (header === undefined) break;
      headers.push(header);
    }
    invariant(headers.length >= Math.min(BLOCKHASH_WINDOW, head + 1), 'the headers that BLOCKHASH sees are there');
    for (const header of headers.reverse()) this.add({ header, hash: hashHeader(header) });
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

  /**
   * The newest headers up to block `number`, ascending: as far as BLOCKHASH looks back from the block behind it. Of a block
   * that is never undone: provers may be so far behind that its headers are in memory no more.
   */
  async upTo(number: number): Promise<BlockHeader[]> {
    const headers: BlockHeader[] = [];
    for (let at = number; at >= 0 && at > number - BLOCKHASH_WINDOW; at--) {
      const header = this.#headers.get(at)?.header ?? (await this.#storedHeader(at));
      if (header === undefined) break;
      headers.push(header);
    }
    return headers.reverse();
  }

  /** Every hash that {@link RecentHeaders.hashOf} knows. */
  hashes(): RecentHashes {
    const known: Hash[] = [];
    for (let at = this.#newest; this.#headers.has(at); at--) known.push((this.#headers.get(at) as RecentHeader).hash);
    return { hashes: concatBytes(...known), newest: this.#newest };
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
