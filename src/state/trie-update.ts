import { type Bytes, bytesEqual, EMPTY_BYTES } from '../util/bytes.ts';
import type { TrieLoader } from './trie-loader.ts';
import {
  BRANCH,
  BRANCH_WIDTH,
  type BranchNode,
  branchNode,
  EXTENSION,
  type ExtensionNode,
  emptyChildren,
  extensionNode,
  joinPaths,
  LEAF,
  type LeafNode,
  leafMatches,
  leafNode,
  nibbleAt,
  type ResolvedNode,
  sharedNibbles,
  type TrieNode,
} from './trie-node.ts';

/** What an update works with: where to load nodes, and the token of the nodes it may change in place. */
export interface UpdateContext {
  readonly loader: TrieLoader;
  readonly owner: number;
}

/*
 * Both functions return the node to put in place of `node`. The same object with its `ref` still set means that
 * nothing changed. Nodes are loaded before anything is written, so an update that throws changes nothing.
 */

/** Sets `key` to `value` below `node`, which starts at nibble `depth` of the key. */
export function insertAt(
  context: UpdateContext,
  node: ResolvedNode | undefined,
  key: Bytes,
  depth: number,
  value: Bytes,
): ResolvedNode {
  if (node === undefined) return leafNode(context.owner, key, depth, value);
  if (node.kind === LEAF) return insertAtLeaf(context, node, key, depth, value);
  if (node.kind === EXTENSION) return insertAtExtension(context, node, key, depth, value);
  if (depth === key.length * 2) {
    return node.value !== undefined && bytesEqual(node.value, value) ? node : withValue(context, node, value);
  }
  const nibble = nibbleAt(key, depth);
  const child = context.loader.branchChild(node, nibble, depth);
  const updated = insertAt(context, child, key, depth + 1, value);
  return unchanged(child, updated) ? node : withChild(context, node, nibble, updated);
}

function insertAtLeaf(context: UpdateContext, leaf: LeafNode, key: Bytes, depth: number, value: Bytes): ResolvedNode {
  const { owner } = context;
  const leafLength = leaf.path.length * 2 - leaf.from;
  const shared = sharedNibbles(leaf.path, leaf.from, leaf.path.length * 2, key, depth);
  const splitDepth = depth + shared;
  if (shared === leafLength && splitDepth === key.length * 2) {
    if (bytesEqual(leaf.value, value)) return leaf;
    if (leaf.owner !== owner) return leafNode(owner, leaf.path, leaf.from, value);
    leaf.value = value;
    leaf.ref = undefined;
    return leaf;
  }
  const branch = branchNode(owner, emptyChildren(), undefined);
  if (shared === leafLength) branch.value = leaf.value;
  else {
    const at = leaf.from + shared;
    branch.children[nibbleAt(leaf.path, at)] = leafNode(owner, leaf.path, at + 1, leaf.value);
  }
  return splitOff(owner, branch, key, depth, splitDepth, value);
}

function insertAtExtension(
  context: UpdateContext,
  extension: ExtensionNode,
  key: Bytes,
  depth: number,
  value: Bytes,
): ResolvedNode {
  const { owner } = context;
  const { path, from, to } = extension;
  const shared = sharedNibbles(path, from, to, key, depth);
  if (shared === to - from) {
    const child = context.loader.extensionChild(extension, depth);
    const updated = insertAt(context, child, key, depth + shared, value);
    return unchanged(child, updated) ? extension : withExtensionChild(context, extension, updated);
  }
  const at = from + shared;
  const branch = branchNode(owner, emptyChildren(), undefined);
  branch.children[nibbleAt(path, at)] = at + 1 === to ? extension.child : extensionNode(owner, path, at + 1, to, extension.child);
  return splitOff(owner, branch, key, depth, depth + shared, value);
}

/** Adds the new value to the fresh branch of a split and puts the shared nibbles above it. */
function splitOff(owner: number, branch: BranchNode, key: Bytes, depth: number, splitDepth: number, value: Bytes): ResolvedNode {
  if (splitDepth === key.length * 2) branch.value = value;
  else branch.children[nibbleAt(key, splitDepth)] = leafNode(owner, key, splitDepth + 1, value);
  return splitDepth === depth ? branch : extensionNode(owner, key, depth, splitDepth, branch);
}

/** Removes `key` below `node`; undefined when nothing is left. */
export function removeAt(context: UpdateContext, node: ResolvedNode, key: Bytes, depth: number): ResolvedNode | undefined {
  const keyEnd = key.length * 2;
  if (node.kind === LEAF) {
    return leafMatches(node, key, depth) ? undefined : node;
  }
  if (node.kind === EXTENSION) return removeBelowExtension(context, node, key, depth);
  if (depth === keyEnd) {
    if (node.value === undefined) return node;
    return collapsed(context, node, undefined, depth) ?? withValue(context, node, undefined);
  }
  const nibble = nibbleAt(key, depth);
  const child = context.loader.branchChild(node, nibble, depth);
  if (child === undefined) return node;
  const updated = removeAt(context, child, key, depth + 1);
  if (updated === undefined) {
    return collapsed(context, node, nibble, depth) ?? withChild(context, node, nibble, undefined);
  }
  return unchanged(child, updated) ? node : withChild(context, node, nibble, updated);
}

function removeBelowExtension(
  context: UpdateContext,
  extension: ExtensionNode,
  key: Bytes,
  depth: number,
): ResolvedNode | undefined {
  const length = extension.to - extension.from;
  if (sharedNibbles(extension.path, extension.from, extension.to, key, depth) !== length) return extension;
  const child = context.loader.extensionChild(extension, depth);
  const updated = removeAt(context, child, key, depth + length);
  // A branch has two entries, so something is always left of it.
  if (updated === undefined || unchanged(child, updated)) return extension;
  return updated.kind === BRANCH
    ? withExtensionChild(context, extension, updated)
    : prefixed(context.owner, extension, undefined, updated);
}

/**
 * What a branch becomes when one of its entries goes and a single one stays: a leaf or an extension.
 * @param removed the child slot that goes, or undefined for the value
 * @returns undefined when two or more stay and the branch remains
 */
function collapsed(
  context: UpdateContext,
  branch: BranchNode,
  removed: number | undefined,
  depth: number,
): ResolvedNode | undefined {
  const valueStays = removed !== undefined && branch.value !== undefined;
  let staying = valueStays ? 1 : 0;
  let last = 0;
  for (let i = 0; i < BRANCH_WIDTH; i++) {
    if (i === removed || branch.children[i] === undefined) continue;
    staying++;
    last = i;
  }
  if (staying !== 1) return undefined;
  if (valueStays) return leafNode(context.owner, EMPTY_BYTES, 0, branch.value as Bytes);
  // Only the sibling itself tells whether it merges: a witness must bring it, or this throws MISSING_TRIE_NODE.
  return prefixed(context.owner, undefined, last, context.loader.branchChild(branch, last, depth) as ResolvedNode);
}

/** `node` with the path of an extension or one nibble in front, merged into a single node where the rules say so. */
function prefixed(owner: number, head: ExtensionNode | undefined, nibble: number | undefined, node: ResolvedNode): ResolvedNode {
  const tail =
    node.kind === BRANCH
      ? { path: EMPTY_BYTES, from: 0, to: 0 }
      : { path: node.path, from: node.from, to: node.kind === LEAF ? node.path.length * 2 : node.to };
  const { path, from, to } = joinPaths(head, nibble, tail);
  if (node.kind === LEAF) return leafNode(owner, path, from, node.value);
  return extensionNode(owner, path, from, to, node.kind === BRANCH ? node : node.child);
}

function unchanged(before: ResolvedNode | undefined, after: ResolvedNode): boolean {
  return before === after && after.ref !== undefined;
}

function withChild(context: UpdateContext, branch: BranchNode, nibble: number, child: TrieNode | undefined): BranchNode {
  const own = ownBranch(context, branch);
  own.children[nibble] = child;
  return own;
}

function withValue(context: UpdateContext, branch: BranchNode, value: Bytes | undefined): BranchNode {
  const own = ownBranch(context, branch);
  own.value = value;
  return own;
}

function ownBranch(context: UpdateContext, branch: BranchNode): BranchNode {
  if (branch.owner !== context.owner) return branchNode(context.owner, branch.children.slice(), branch.value);
  branch.ref = undefined;
  return branch;
}

function withExtensionChild(context: UpdateContext, extension: ExtensionNode, child: TrieNode): ExtensionNode {
  if (extension.owner !== context.owner) {
    return extensionNode(context.owner, extension.path, extension.from, extension.to, child);
  }
  extension.child = child;
  extension.ref = undefined;
  return extension;
}
