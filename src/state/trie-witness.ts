import { type Bytes, toKey } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import type { Trie } from './trie.ts';
import { encodeNode, nodeRef } from './trie-encode.ts';
import type { NodeResolver, TrieLoader } from './trie-loader.ts';
import {
  BRANCH_WIDTH,
  type BranchNode,
  EXTENSION,
  type ExtensionNode,
  HASH_BYTES,
  LEAF,
  nibbleAt,
  type ResolvedNode,
  sharedNibbles,
} from './trie-node.ts';

/** A key the witness must cover. */
interface WitnessKey {
  readonly bytes: Bytes;
  readonly deleted: boolean;
}

/**
 * The nodes of `trie` (their RLP; embedded ones are inside their parents) from which a partial trie can read every
 * key, prove absence, and apply puts on all keys and deletions of `deletedKeys` in any order to the same root.
 * A branch that deletions may leave with one child merges with it, so its children are included whole.
 * Parents come before children; no node twice; nothing for an empty trie or no keys.
 * @param trie the state before the updates
 * @throws StrobeError MISSING_TRIE_NODE, MALFORMED_TRIE_NODE when `trie` is itself partial and too small
 */
export function collectWitnessNodes(trie: Trie, readKeys: readonly Bytes[], deletedKeys: readonly Bytes[]): Bytes[] {
  const keys = readKeys.map((bytes) => ({ bytes, deleted: false }));
  for (const bytes of deletedKeys) keys.push({ bytes, deleted: true });
  const root = keys.length === 0 ? undefined : trie.loadRoot();
  if (root === undefined) return [];
  const collector = new WitnessCollector(trie.loader);
  // The root is a node of its own, however short.
  if (nodeRef(root).length < HASH_BYTES) collector.nodes.push(encodeNode(root));
  collector.visit(root, 0, keys);
  return collector.nodes;
}

/** A resolver over the nodes of a witness, each under the hash computed here: a stranger cannot mislabel one. */
export function witnessResolver(nodes: readonly Bytes[]): NodeResolver {
  const byHash = new Map<string, Bytes>();
  for (const node of nodes) byHash.set(toKey(keccak256(node)), node);
  return (hash) => byHash.get(toKey(hash));
}

class WitnessCollector {
  readonly nodes: Bytes[] = [];
  readonly #seen = new Set<string>();
  readonly #loader: TrieLoader;

  constructor(loader: TrieLoader) {
    this.#loader = loader;
  }

  /** Adds `node`, which starts at nibble `depth`, and what the keys that reach it need below. */
  visit(node: ResolvedNode, depth: number, keys: readonly WitnessKey[]): void {
    this.#add(node);
    if (node.kind === LEAF) return;
    if (node.kind === EXTENSION) this.#visitExtension(node, depth, keys);
    else this.#visitBranch(node, depth, keys);
  }

  #add(node: ResolvedNode): void {
    const ref = nodeRef(node);
    if (ref.length < HASH_BYTES) return;
    const hash = toKey(ref);
    if (this.#seen.has(hash)) return;
    this.#seen.add(hash);
    this.nodes.push(encodeNode(node));
  }

  #visitExtension(node: ExtensionNode, depth: number, keys: readonly WitnessKey[]): void {
    const length = node.to - node.from;
    const passing: WitnessKey[] = [];
    let undone = false;
    for (const key of keys) {
      if (sharedNibbles(node.path, node.from, node.to, key.bytes, depth) === length) passing.push(key);
      else if (key.deleted) undone = true;
    }
    if (passing.length > 0) {
      this.visit(this.#loader.extensionChild(node, depth), depth + length, passing);
    } else if (undone) {
      // A key put here splits the extension; deleting it again joins the halves, which looks at the child.
      this.#add(this.#loader.extensionChild(node, depth));
    }
  }

  #visitBranch(node: BranchNode, depth: number, keys: readonly WitnessKey[]): void {
    const perChild: (WitnessKey[] | undefined)[] = new Array(BRANCH_WIDTH).fill(undefined);
    let valueDeleted = false;
    for (const key of keys) {
      if (depth === key.bytes.length * 2) {
        valueDeleted ||= key.deleted;
        continue;
      }
      const nibble = nibbleAt(key.bytes, depth);
      const list = perChild[nibble];
      if (list === undefined) perChild[nibble] = [key];
      else list.push(key);
    }
    const whole = keys.some((key) => key.deleted) && mayCollapse(node, perChild, valueDeleted);
    for (let i = 0; i < BRANCH_WIDTH; i++) {
      const below = perChild[i];
      if (below === undefined && !whole) continue;
      const child = this.#loader.branchChild(node, i, depth);
      if (child === undefined) continue;
      if (below === undefined) this.#add(child);
      else this.visit(child, depth + 1, below);
    }
  }
}

/** True when the deletions, in the worst case and order, leave at most one entry of the branch. */
function mayCollapse(node: BranchNode, perChild: readonly (readonly WitnessKey[] | undefined)[], valueDeleted: boolean): boolean {
  let staying = node.value !== undefined && !valueDeleted ? 1 : 0;
  for (let i = 0; i < BRANCH_WIDTH; i++) {
    if (node.children[i] === undefined) continue;
    if (!perChild[i]?.some((key) => key.deleted)) staying++;
  }
  return staying <= 1;
}
