import type { Bytes } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { encodeNode, nodeRef } from './trie-encode.ts';
import { type NodeResolver, TrieLoader } from './trie-loader.ts';
import {
  EXTENSION,
  HASH,
  HASH_BYTES,
  LEAF,
  leafMatches,
  nibbleAt,
  type ResolvedNode,
  sharedNibbles,
  type TrieNode,
} from './trie-node.ts';
import { insertAt, removeAt } from './trie-update.ts';

/** Root of a trie without keys: keccak-256 of the RLP of the empty string. */
export const EMPTY_TRIE_ROOT: Bytes = keccak256(Uint8Array.of(0x80));

/** State keys have 32 bytes, index keys at most 9; the bound keeps the recursion over a path shallow. */
export const MAX_TRIE_KEY_BYTES = 256;

// Tokens start above 0, which marks decoded nodes; 2^53 of them outlast any process.
let lastOwner = 0;

/**
 * A persistent Merkle-Patricia trie (Yellow Paper, appendix D) in memory. Handles share structure: a handle changes
 * only nodes it made since its last {@link Trie.snapshot} in place and copies the path otherwise, so every other
 * handle keeps its content. Hashes are computed when {@link Trie.root} asks, for changed paths only.
 *
 * Keys are raw: hashing them ("secure" tries) is the caller's. Keys and values are kept by reference and given out by
 * reference: neither side may change their bytes.
 *
 * Built from a root, nodes come from a resolver as paths need them and stay in memory. A node the resolver lacks
 * throws MISSING_TRIE_NODE: it never reads as an absent key. A call that throws leaves the trie as it was.
 */
export class Trie {
  /** For the modules that walk nodes (proofs, witnesses). */
  readonly loader: TrieLoader;
  #root: TrieNode | undefined;
  #owner: number;

  private constructor(root: TrieNode | undefined, loader: TrieLoader) {
    this.#root = root;
    this.loader = loader;
    this.#owner = ++lastOwner;
  }

  /** @param keyBytes refuse keys of any other length; left out, keys may differ in length */
  static empty(keyBytes?: number): Trie {
    return new Trie(undefined, new TrieLoader(undefined, nibblesOf(keyBytes)));
  }

  /**
   * The trie with this root, of which nodes are loaded when needed.
   * @param keyBytes fixed key length; nodes that contradict it are then malformed
   * @throws StrobeError INVALID_TRIE_ROOT when the root is not 32 bytes
   */
  static fromRoot(root: Bytes, resolver: NodeResolver, keyBytes?: number): Trie {
    if (root.length !== HASH_BYTES) throw new StrobeError('INVALID_TRIE_ROOT', 'a trie root has 32 bytes');
    const ref = root.slice();
    const empty = ref.every((byte, i) => byte === EMPTY_TRIE_ROOT[i]);
    return new Trie(empty ? undefined : { kind: HASH, ref }, new TrieLoader(resolver, nibblesOf(keyBytes)));
  }

  /**
   * The value of `key`, undefined when the trie proves it absent.
   * @throws StrobeError MISSING_TRIE_NODE, MALFORMED_TRIE_NODE, INVALID_TRIE_KEY
   */
  get(key: Bytes): Bytes | undefined {
    return this.#walk(key, ignoreNode);
  }

  /**
   * Sets `key` to `value`; an empty value deletes, as the trie cannot hold one.
   * @throws StrobeError MISSING_TRIE_NODE, MALFORMED_TRIE_NODE, INVALID_TRIE_KEY
   */
  put(key: Bytes, value: Bytes): void {
    if (value.length === 0) {
      this.delete(key);
      return;
    }
    this.#checkKey(key);
    this.#root = insertAt({ loader: this.loader, owner: this.#owner }, this.loadRoot(), key, 0, value);
  }

  /**
   * Removes `key`; an absent key is no error. Where a branch is left with one child, that child's node is needed.
   * @throws StrobeError MISSING_TRIE_NODE, MALFORMED_TRIE_NODE, INVALID_TRIE_KEY
   */
  delete(key: Bytes): void {
    this.#checkKey(key);
    const root = this.loadRoot();
    if (root !== undefined) this.#root = removeAt({ loader: this.loader, owner: this.#owner }, root, key, 0);
  }

  /** The 32-byte root hash; hashes what changed since it was last asked. */
  root(): Bytes {
    if (this.#root === undefined) return EMPTY_TRIE_ROOT.slice();
    const ref = nodeRef(this.#root);
    return ref.length === HASH_BYTES ? ref.slice() : keccak256(ref);
  }

  /** A second handle on the present content, in constant time; neither sees what the other writes afterwards. */
  snapshot(): Trie {
    // A new token here too: what both now share belongs to neither.
    this.#owner = ++lastOwner;
    return new Trie(this.#root, this.loader);
  }

  /**
   * Merkle proof of `key` as eth_getProof gives it: the RLP of the nodes from the root to the leaf, or to the node
   * that proves absence. Embedded nodes are part of their parent's RLP and not repeated; empty for an empty trie.
   * @throws StrobeError MISSING_TRIE_NODE, MALFORMED_TRIE_NODE, INVALID_TRIE_KEY
   */
  prove(key: Bytes): Bytes[] {
    const proof: Bytes[] = [];
    this.#walk(key, (node) => {
      if (proof.length === 0 || nodeRef(node).length === HASH_BYTES) proof.push(encodeNode(node));
    });
    return proof;
  }

  /** The root node, loaded; for the modules that walk nodes. */
  loadRoot(): ResolvedNode | undefined {
    if (this.#root === undefined || this.#root.kind !== HASH) return this.#root;
    const loaded = this.loader.load(this.#root.ref, 0);
    this.#root = loaded;
    return loaded;
  }

  /** Follows `key` from the root, showing every node on the way. */
  #walk(key: Bytes, visit: (node: ResolvedNode) => void): Bytes | undefined {
    this.#checkKey(key);
    const keyEnd = key.length * 2;
    let node = this.loadRoot();
    let depth = 0;
    while (node !== undefined) {
      visit(node);
      if (node.kind === LEAF) return leafMatches(node, key, depth) ? node.value : undefined;
      if (node.kind === EXTENSION) {
        const length: number = node.to - node.from;
        if (sharedNibbles(node.path, node.from, node.to, key, depth) !== length) return undefined;
        node = this.loader.extensionChild(node, depth);
        depth += length;
      } else {
        if (depth === keyEnd) return node.value;
        node = this.loader.branchChild(node, nibbleAt(key, depth), depth);
        depth++;
      }
    }
    return undefined;
  }

  #checkKey(key: Bytes): void {
    const { keyNibbles } = this.loader;
    if (keyNibbles === undefined ? key.length <= MAX_TRIE_KEY_BYTES : key.length * 2 === keyNibbles) return;
    throw new StrobeError('INVALID_TRIE_KEY', 'a key of this length cannot be in this trie', { length: key.length });
  }
}

function ignoreNode(): void {}

function nibblesOf(keyBytes: number | undefined): number | undefined {
  return keyBytes === undefined ? undefined : keyBytes * 2;
}
