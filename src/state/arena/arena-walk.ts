import type { Bytes } from '../../util/bytes.ts';
import { HASH_BYTES, nibbleAt, sharedNibbles } from '../trie-node.ts';
import { type ArenaExports, bytesAt, type Pointer } from './arena-module.ts';

/** The view of an arena that shows it as it is now; others are numbers of blocks and show it as they began. */
export const PRESENT = 0;

/**
 * Reads tries of an arena node by node, in one view; the root of the present one must be up to date. Good until the next
 * change.
 */
export class ArenaWalk {
  readonly #arena: ArenaExports;
  #memory: Bytes;

  constructor(arena: ArenaExports, view: number) {
    this.#arena = arena;
    this.#memory = new Uint8Array(arena.memory.buffer);
    arena.look(view);
  }

  /** Top node of the account trie (owner 0) or of an account's storage trie; 0 when it is empty. */
  top(owner: Pointer): Pointer {
    return this.#arena.topNode(owner);
  }

  /** The leaf of this key, 0 when the trie has none. */
  leaf(owner: Pointer, keyHash: Bytes): Pointer {
    this.#current().set(keyHash, this.#arena.KEY.value);
    return this.#arena.leafOf(this.top(owner));
  }

  root(owner: Pointer): Bytes {
    return bytesAt(this.#arena, this.#arena.rootAt(owner), HASH_BYTES);
  }

  /**
   * Merkle proof of a key as eth_getProof gives it: nodes from the root to the leaf or to the node that proves absence;
   * embedded nodes are in their parents.
   */
  prove(owner: Pointer, keyHash: Bytes): Bytes[] {
    const proof: Bytes[] = [];
    let node = this.top(owner);
    let from = 0;
    let isEmbedded = false;
    while (node !== 0) {
      const depth = this.#arena.branchDepth(node);
      if (!isEmbedded) proof.push(this.#encodeNode(node, from));
      if (depth < 0) return proof;
      if (depth > from) {
        if (this.#sharedWithPath(node, from, depth, keyHash) < depth - from) return proof;
        const branch = this.#encodeBranch(node);
        if (branch.length >= HASH_BYTES) proof.push(branch);
      }
      const nibble = nibbleAt(keyHash, depth);
      if (!this.#hasChild(node, nibble)) return proof;
      isEmbedded = this.#arena.childHash(node, nibble) === 0;
      node = this.#arena.child(node, nibble);
      from = depth + 1;
    }
    return proof;
  }

  #hasChild(branch: Pointer, nibble: number): boolean {
    return (this.#arena.childMask(branch) & (1 << nibble)) !== 0;
  }

  /** How many nibbles of a key from `from` on follow the path that leads from there to a branch at `depth`. */
  #sharedWithPath(branch: Pointer, from: number, depth: number, keyHash: Bytes): number {
    const at = this.#arena.pathKey(branch) >>> 0;
    return sharedNibbles(this.#current().subarray(at, at + HASH_BYTES), from, depth, keyHash, from);
  }

  /** A view ends when the memory grows, as for a witness. */
  #current(): Bytes {
    if (this.#memory.length === 0) this.#memory = new Uint8Array(this.#arena.memory.buffer);
    return this.#memory;
  }

  #encodeNode(node: Pointer, from: number): Bytes {
    return bytesAt(this.#arena, this.#arena.NODE.value, this.#arena.encodeNode(node, from));
  }

  #encodeBranch(branch: Pointer): Bytes {
    return bytesAt(this.#arena, this.#arena.NODE.value, this.#arena.encodeBranch(branch));
  }
}
