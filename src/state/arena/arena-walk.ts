import { type Bytes, toKey } from '../../util/bytes.ts';
import { BRANCH_WIDTH, HASH_BYTES, nibbleAt, sharedNibbles } from '../trie-node.ts';
import { type ArenaExports, bytesAt, type Pointer } from './arena-module.ts';

/** A key that a witness must cover, as its hash. */
export interface CoveredKey {
  readonly hash: Bytes;
  /** It may be deleted: a branch left with one child merges with it. */
  readonly deleted: boolean;
}

/** The view of an arena that shows it as it is now; others are numbers of blocks and show it as they began. */
export const PRESENT = 0;

/**
 * Reads tries of an arena node by node, in one view; the root of the present one must be up to date. Good until the next
 * change.
 */
export class ArenaWalk {
  readonly #arena: ArenaExports;
  readonly #memory: Bytes;

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
    this.#memory.set(keyHash, this.#arena.KEY.value);
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

  /**
   * Adds to `nodes`, by their hash, those from which a partial trie can read every key, prove absence, and apply puts
   * on all keys and deletions of the deleted ones in any order: what `collectWitnessNodes` of trie-witness.ts gives.
   */
  collect(owner: Pointer, root: Bytes, keys: readonly CoveredKey[], nodes: Map<string, Bytes>): void {
    const top = this.top(owner);
    if (top !== 0 && keys.length > 0) this.#visit(top, 0, root, keys, nodes);
  }

  /** `hash` is undefined for a node that is part of its parent. */
  #visit(node: Pointer, from: number, hash: Bytes | undefined, keys: readonly CoveredKey[], nodes: Map<string, Bytes>): void {
    const depth = this.#arena.branchDepth(node);
    this.#add(node, from, hash, nodes);
    if (depth < 0) return;
    if (depth === from) this.#visitBranch(node, depth, keys, nodes);
    else this.#visitExtension(node, from, depth, keys, nodes);
  }

  #visitExtension(node: Pointer, from: number, depth: number, keys: readonly CoveredKey[], nodes: Map<string, Bytes>): void {
    const passing: CoveredKey[] = [];
    let undone = false;
    for (const key of keys) {
      if (this.#sharedWithPath(node, from, depth, key.hash) === depth - from) passing.push(key);
      else if (key.deleted) undone = true;
    }
    // A key put here splits the extension; deleting it again joins the halves, which looks at the branch.
    if (passing.length === 0 && !undone) return;
    this.#add(node, depth, this.#hashUnderExtension(node, from), nodes);
    if (passing.length > 0) this.#visitBranch(node, depth, passing, nodes);
  }

  #visitBranch(node: Pointer, depth: number, keys: readonly CoveredKey[], nodes: Map<string, Bytes>): void {
    const perChild: (CoveredKey[] | undefined)[] = new Array(BRANCH_WIDTH).fill(undefined);
    for (const key of keys) {
      const nibble = nibbleAt(key.hash, depth);
      const list = perChild[nibble];
      if (list === undefined) perChild[nibble] = [key];
      else list.push(key);
    }
    const whole = keys.some((key) => key.deleted) && this.#mayCollapse(node, perChild);
    for (let nibble = 0; nibble < BRANCH_WIDTH; nibble++) {
      const below = perChild[nibble];
      if ((below === undefined && !whole) || !this.#hasChild(node, nibble)) continue;
      const child = this.#arena.child(node, nibble);
      const hash = this.#childHash(node, nibble);
      if (below === undefined) this.#add(child, depth + 1, hash, nodes);
      else this.#visit(child, depth + 1, hash, below, nodes);
    }
  }

  /** True when the deletions, in the worst case and order, leave at most one child. */
  #mayCollapse(node: Pointer, perChild: readonly (readonly CoveredKey[] | undefined)[]): boolean {
    let staying = 0;
    for (let nibble = 0; nibble < BRANCH_WIDTH; nibble++) {
      if (this.#hasChild(node, nibble) && !perChild[nibble]?.some((key) => key.deleted)) staying++;
    }
    return staying <= 1;
  }

  #add(node: Pointer, from: number, hash: Bytes | undefined, nodes: Map<string, Bytes>): void {
    if (hash === undefined) return;
    const name = toKey(hash);
    if (!nodes.has(name)) nodes.set(name, this.#encodeNode(node, from));
  }

  #hasChild(branch: Pointer, nibble: number): boolean {
    return (this.#arena.childMask(branch) & (1 << nibble)) !== 0;
  }

  #childHash(branch: Pointer, nibble: number): Bytes | undefined {
    const at = this.#arena.childHash(branch, nibble) >>> 0;
    return at === 0 ? undefined : this.#memory.subarray(at, at + HASH_BYTES);
  }

  /** The hash of a branch below its extension is the end of the extension's RLP. */
  #hashUnderExtension(branch: Pointer, from: number): Bytes | undefined {
    if (this.#arena.encodeBranch(branch) < HASH_BYTES) return undefined;
    return this.#encodeNode(branch, from).subarray(-HASH_BYTES);
  }

  /** How many nibbles of a key from `from` on follow the path that leads from there to a branch at `depth`. */
  #sharedWithPath(branch: Pointer, from: number, depth: number, keyHash: Bytes): number {
    const at = this.#arena.pathKey(branch) >>> 0;
    return sharedNibbles(this.#memory.subarray(at, at + HASH_BYTES), from, depth, keyHash, from);
  }

  #encodeNode(node: Pointer, from: number): Bytes {
    return bytesAt(this.#arena, this.#arena.NODE.value, this.#arena.encodeNode(node, from));
  }

  #encodeBranch(branch: Pointer): Bytes {
    return bytesAt(this.#arena, this.#arena.NODE.value, this.#arena.encodeBranch(branch));
  }
}
