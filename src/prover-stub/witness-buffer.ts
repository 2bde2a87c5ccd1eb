import type { Hash } from '../protocol/primitives.ts';
import { type BlockSeal, blockHashOf, type WitnessChunk, witnessDigest } from '../protocol/sequencer-messages.ts';
import type { AuthenticChunk } from '../protocol/validate-witness-chunk.ts';
import { type Bytes, bytesEqual, concatBytes, toKey } from '../util/bytes.ts';

interface PartialWitness {
  readonly blockNumber: number;
  readonly listDigest: Hash;
  readonly chunkHashes: readonly Hash[];
  readonly chunks: Map<number, Bytes>;
}

/** Chunks of witnesses from gossip, by block. When it is full the farthest block's go: they can be asked for later. */
export class WitnessBuffer {
  readonly #maxBytes: number;
  /** By block hash. */
  readonly #partials = new Map<string, PartialWitness>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  has({ blockHash, index }: WitnessChunk): boolean {
    return this.#partials.get(toKey(blockHash))?.chunks.has(index) ?? false;
  }

  /** True when a chunk of the same signed list is here. */
  hasList(listDigest: Hash): boolean {
    return [...this.#partials.values()].some((partial) => bytesEqual(partial.listDigest, listDigest));
  }

  add({ chunk, listDigest }: AuthenticChunk): void {
    const key = toKey(chunk.blockHash);
    const { blockNumber, chunkHashes } = chunk;
    const partial = this.#partials.get(key) ?? { blockNumber, listDigest, chunkHashes, chunks: new Map<number, Bytes>() };
    this.#partials.set(key, partial);
    // A second list for one block is the sequencer's fault; the seal decides, and a stream brings what it names.
    if (!bytesEqual(partial.listDigest, listDigest) || partial.chunks.has(chunk.index)) return;
    partial.chunks.set(chunk.index, chunk.data);
    this.#bytes += chunk.data.length;
    while (this.#bytes > this.#maxBytes) this.#removeFarthest();
  }

  /** True when all of the witness that a seal commits to is here. */
  isComplete(seal: BlockSeal): boolean {
    const partial = this.#partials.get(toKey(blockHashOf(seal)));
    if (partial === undefined || partial.chunks.size < partial.chunkHashes.length) return false;
    return bytesEqual(witnessDigest(partial.chunkHashes), seal.witnessDigest);
  }

  /** The witness that a seal commits to, when it is complete. */
  get(seal: BlockSeal): Bytes | undefined {
    if (!this.isComplete(seal)) return undefined;
    const { chunkHashes = [], chunks } = this.#partials.get(toKey(blockHashOf(seal))) ?? {};
    return concatBytes(...chunkHashes.map((_, index) => chunks?.get(index) as Bytes));
  }

  /** Forgets blocks up to `blockNumber`. */
  release(blockNumber: number): void {
    for (const [key, partial] of this.#partials) if (partial.blockNumber <= blockNumber) this.#remove(key, partial);
  }

  #removeFarthest(): void {
    let farthest: [string, PartialWitness] | undefined;
    for (const entry of this.#partials) {
      if (farthest === undefined || entry[1].blockNumber > farthest[1].blockNumber) farthest = entry;
    }
    if (farthest !== undefined) this.#remove(...farthest);
  }

  #remove(key: string, partial: PartialWitness): void {
    for (const data of partial.chunks.values()) this.#bytes -= data.length;
    this.#partials.delete(key);
  }
}
