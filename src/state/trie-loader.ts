import { type Bytes, toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { decodeNode, malformed } from './trie-decode.ts';
import { BRANCH, type BranchNode, type ExtensionNode, HASH, HASH_BYTES, type ResolvedNode } from './trie-node.ts';

/**
 * Gives the RLP of the node with this keccak-256, or undefined (or an error of its own) when it has none. The trie
 * does not hash the answer again: a source that strangers fill must be keyed by hashes it computed itself.
 */
export type NodeResolver = (hash: Bytes) => Bytes | undefined;

/**
 * Turns hash references into nodes. A loaded node replaces its reference in the parent, also in parents that several
 * handles share: the content is the same, so nobody can tell except by speed.
 */
export class TrieLoader {
  readonly #resolver: NodeResolver | undefined;
  readonly keyNibbles: number | undefined;

  constructor(resolver: NodeResolver | undefined, keyNibbles: number | undefined) {
    this.#resolver = resolver;
    this.keyNibbles = keyNibbles;
  }

  /** @throws StrobeError MISSING_TRIE_NODE, MALFORMED_TRIE_NODE */
  load(hash: Bytes, depth: number): ResolvedNode {
    const rlp = this.#resolver?.(hash);
    if (rlp === undefined) {
      throw new StrobeError('MISSING_TRIE_NODE', 'a trie node on the path is not known', { hash: toHex(hash), depth });
    }
    const node = decodeNode(rlp, depth, this.keyNibbles);
    if (rlp.length >= HASH_BYTES) node.ref = hash;
    else if (depth === 0) node.ref = rlp;
    else throw malformed('a node under 32 bytes is embedded, not hashed');
    return node;
  }

  /** The child in slot `nibble` of a branch that starts at nibble `depth` of the key. */
  branchChild(branch: BranchNode, nibble: number, depth: number): ResolvedNode | undefined {
    const child = branch.children[nibble];
    if (child === undefined || child.kind !== HASH) return child;
    const loaded = this.load(child.ref, depth + 1);
    branch.children[nibble] = loaded;
    return loaded;
  }

  /** The branch under an extension that starts at nibble `depth` of the key. */
  extensionChild(extension: ExtensionNode, depth: number): ResolvedNode {
    const { child } = extension;
    if (child.kind !== HASH) return child;
    const loaded = this.load(child.ref, depth + extension.to - extension.from);
    if (loaded.kind !== BRANCH) throw malformed('the child of an extension is a branch');
    extension.child = loaded;
    return loaded;
  }
}
