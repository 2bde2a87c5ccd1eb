import { orderKeys } from '../../protocol/compact-diff/key-order.ts';
import type { Hash } from '../../protocol/primitives.ts';
import type { Bytes } from '../../util/bytes.ts';
import { HASH_BYTES } from '../trie-node.ts';
import { type ArenaExports, bytesAt, type Pointer } from './arena-module.ts';

/** A key that a witness must cover, as its hash. */
export interface CoveredKey {
  readonly hash: Hash;
  /** It may be deleted: a branch left with one child merges with it. */
  readonly deleted: boolean;
}

/** In front of the nodes of a chunk (assembly/witness-nodes.ts). */
const CHUNK_HEADER_BYTES = 8;
const LENGTH_BYTES = 2;

/**
 * Collects, each once and parents before children, the nodes from which partial tries can read every key, prove
 * absence, and apply puts on all keys and deletions of the deleted ones in any order: what `collectWitnessNodes` of
 * trie-witness.ts gives. In the view that the arena looks at, and one at a time for an arena; it may need memory.
 */
export class ArenaWitness {
  readonly #arena: ArenaExports;

  constructor(arena: ArenaExports) {
    this.#arena = arena;
    arena.beginNodes();
  }

  /** Takes in the nodes of the account trie (owner 0) or of an account's storage trie. */
  collect(owner: Pointer, root: Hash, keys: readonly CoveredKey[]): void {
    const arena = this.#arena;
    const at = arena.reserveKeys(keys.length) >>> 0;
    this.#writeSorted(keys, at);
    new Uint8Array(arena.memory.buffer, arena.KEY.value, HASH_BYTES).set(root);
    arena.collectNodes(owner, arena.KEY.value, keys.length);
  }

  #writeSorted(keys: readonly CoveredKey[], at: number): void {
    const { buffer } = this.#arena.memory;
    const unsorted = new Uint8Array(keys.length * HASH_BYTES);
    for (const [i, { hash }] of keys.entries()) unsorted.set(hash, i * HASH_BYTES);
    const order = orderKeys(unsorted, HASH_BYTES, keys.length);
    const hashes = new Uint8Array(buffer, at, unsorted.length);
    const deletedBefore = new Uint32Array(buffer, at + unsorted.length, keys.length + 1);
    let deleted = 0;
    deletedBefore[0] = 0;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[order[i] as number] as CoveredKey;
      hashes.set(key.hash, i * HASH_BYTES);
      if (key.deleted) deleted++;
      deletedBefore[i + 1] = deleted;
    }
  }

  /** Copies of what was collected, many of them in one piece of memory. */
  nodes(): Bytes[] {
    const nodes: Bytes[] = [];
    const memory = new DataView(this.#arena.memory.buffer);
    for (let chunk = this.#arena.firstNodes() >>> 0; chunk !== 0; chunk = memory.getUint32(chunk, true)) {
      const length = memory.getUint32(chunk + 4, true) - chunk - CHUNK_HEADER_BYTES;
      if (length === 0) break;
      splitNodes(bytesAt(this.#arena, chunk + CHUNK_HEADER_BYTES, length), nodes);
    }
    return nodes;
  }
}

/** Nodes stand one behind the other, each behind its length (u16, little-endian). */
function splitNodes(piece: Bytes, nodes: Bytes[]): void {
  for (let at = 0; at < piece.length; ) {
    const start = at + LENGTH_BYTES;
    at = start + (piece[at] as number) + (piece[at + 1] as number) * 0x100;
    nodes.push(piece.subarray(start, at));
  }
}
