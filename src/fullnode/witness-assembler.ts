import type { Hash } from '../protocol/primitives.ts';
import { type BlockSeal, blockHashOf, splitWitness, type WitnessChunk, witnessDigest } from '../protocol/sequencer-messages.ts';
import type { AuthenticChunk } from '../protocol/validate-witness-chunk.ts';
import { type Bytes, bytesEqual, concatBytes, toKey } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';

export interface WitnessAssemblerOptions {
  /** Bytes of all chunks kept. */
  readonly maxBytes: number;
}

/** Witnesses in the making: verification follows the seals closely, and what it lacks is fetched by stream. */
const MAX_WITNESSES = 16;

interface Partial {
  readonly blockNumber: number;
  readonly listDigest: Hash;
  readonly chunkHashes: readonly Hash[];
  readonly chunks: Map<number, Bytes>;
}

/** Puts gossiped witness chunks together. When it is full the witness farthest from being needed goes. */
export class WitnessAssembler {
  readonly #options: WitnessAssemblerOptions;
  /** By block hash. */
  readonly #partials = new Map<string, Partial>();
  #bytes = 0;

  constructor(options: WitnessAssemblerOptions) {
    this.#options = options;
  }

  has(chunk: WitnessChunk): boolean {
    return this.#partials.get(toKey(chunk.blockHash))?.chunks.has(chunk.index) ?? false;
  }

  /** True when a chunk of the same signed list is here. */
  hasList(listDigest: Hash): boolean {
    for (const partial of this.#partials.values()) if (bytesEqual(partial.listDigest, listDigest)) return true;
    return false;
  }

  /** Takes in an authentic chunk. Returns how many witnesses were dropped for want of room. */
  add({ chunk, listDigest }: AuthenticChunk): number {
    const key = toKey(chunk.blockHash);
    const { blockNumber, chunkHashes } = chunk;
    const partial = this.#partials.get(key) ?? { blockNumber, listDigest, chunkHashes, chunks: new Map<number, Bytes>() };
    // A second list for one block hash is not the one that was checked; the seal decides which of them counts.
    if (!bytesEqual(partial.listDigest, listDigest) || partial.chunks.has(chunk.index)) return 0;
    this.#partials.set(key, partial);
    partial.chunks.set(chunk.index, chunk.data);
    this.#bytes += chunk.data.length;
    let dropped = 0;
    while (this.#partials.size > MAX_WITNESSES || this.#bytes > this.#options.maxBytes) {
      this.#removeFarthest();
      dropped++;
    }
    return dropped;
  }

  #removeFarthest(): void {
    let farthest: [string, Partial] | undefined;
    for (const entry of this.#partials) {
      if (farthest === undefined || entry[1].blockNumber >= farthest[1].blockNumber) farthest = entry;
    }
    if (farthest !== undefined) this.#remove(farthest[0]);
  }

  /** The witness that a seal commits to, when all of it is here. */
  complete(seal: BlockSeal): Bytes | undefined {
    const partial = this.#partials.get(toKey(blockHashOf(seal)));
    if (partial === undefined || partial.chunks.size < partial.chunkHashes.length) return undefined;
    if (!bytesEqual(witnessDigest(partial.chunkHashes), seal.witnessDigest)) return undefined;
    const chunks = partial.chunkHashes.map((_, index) => partial.chunks.get(index) as Bytes);
    return concatBytes(...chunks);
  }

  /** Forgets witnesses of blocks up to `blockNumber`. */
  releaseUpTo(blockNumber: number): void {
    for (const [key, partial] of this.#partials) if (partial.blockNumber <= blockNumber) this.#remove(key);
  }

  #remove(key: string): void {
    const partial = this.#partials.get(key);
    if (partial === undefined) return;
    for (const data of partial.chunks.values()) this.#bytes -= data.length;
    this.#partials.delete(key);
  }
}

/** True when `witness` is the one that the seal commits to. */
export function isSealedWitness(witness: Bytes, seal: BlockSeal): boolean {
  if (witness.length !== seal.witnessBytes) return false;
  return bytesEqual(witnessDigest(splitWitness(witness).map(keccak256)), seal.witnessDigest);
}
