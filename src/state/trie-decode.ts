import type { Bytes } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import {
  BRANCH,
  BRANCH_WIDTH,
  branchNode,
  emptyChildren,
  extensionNode,
  HASH,
  HASH_BYTES,
  leafNode,
  type ResolvedNode,
  type TrieNode,
} from './trie-node.ts';

/** Owner of decoded nodes: the token of no handle, so that they are copied before a change. */
const SHARED = 0;

/** Payloads longer than this use the long RLP form. */
const SHORT_PAYLOAD_MAX = 55;
/** No node needs more; a longer length of length could leave the range of exact integers. */
const MAX_LENGTH_BYTES = 4;

/** One RLP item inside a node: its first byte, its payload, its end. */
interface Item {
  readonly start: number;
  readonly list: boolean;
  readonly payload: number;
  readonly end: number;
}

/**
 * Decodes one node that a stranger may have made. Only the encoding that {@link encodeNode} writes is accepted, so
 * decoding and encoding again gives the same bytes. The result views `rlp`, which must not change afterwards.
 * @param depth nibbles of the key above this node
 * @param keyNibbles length of every key of the trie, when it is fixed
 * @throws StrobeError MALFORMED_TRIE_NODE
 */
export function decodeNode(rlp: Bytes, depth: number, keyNibbles: number | undefined): ResolvedNode {
  const item = readItem(rlp, 0, rlp.length);
  if (!item.list || item.end !== rlp.length) throw malformed('a node is exactly one list');
  return decodeList(rlp, item, depth, keyNibbles);
}

function decodeList(rlp: Bytes, list: Item, depth: number, keyNibbles: number | undefined): ResolvedNode {
  const items: Item[] = [];
  for (let at = list.payload; at < list.end; ) {
    const item = readItem(rlp, at, list.end);
    if (items.length === BRANCH_WIDTH + 1) throw malformed('a node has 2 or 17 items');
    items.push(item);
    at = item.end;
  }
  if (items.length === 2) return decodeShort(rlp, items[0] as Item, items[1] as Item, depth, keyNibbles);
  if (items.length === BRANCH_WIDTH + 1) return decodeBranch(rlp, items, depth, keyNibbles);
  throw malformed('a node has 2 or 17 items');
}

function decodeShort(rlp: Bytes, pathItem: Item, content: Item, depth: number, keyNibbles: number | undefined): ResolvedNode {
  if (pathItem.list || pathItem.payload === pathItem.end) throw malformed('a path is a string that is not empty');
  const path = rlp.subarray(pathItem.payload, pathItem.end);
  const prefix = path[0] as number;
  if (prefix > 0x3f) throw malformed('the path flag is 0 to 3');
  const odd = (prefix & 0x10) !== 0;
  if (!odd && (prefix & 0x0f) !== 0) throw malformed('the padding nibble of an even path is zero');
  const from = odd ? 1 : 2;
  const to = path.length * 2;
  const endDepth = depth + to - from;
  if ((prefix & 0x20) !== 0) {
    if (content.list || content.payload === content.end) throw malformed('a leaf value is a string that is not empty');
    checkKeyEnd(endDepth, keyNibbles);
    return leafNode(SHARED, path, from, rlp.subarray(content.payload, content.end));
  }
  if (to === from) throw malformed('an extension has a path');
  checkInner(endDepth, keyNibbles);
  const child = decodeChild(rlp, content, endDepth, keyNibbles);
  if (child === undefined) throw malformed('an extension has a child');
  if (child.kind !== HASH && child.kind !== BRANCH) throw malformed('the child of an extension is a branch');
  return extensionNode(SHARED, path, from, to, child);
}

function decodeBranch(rlp: Bytes, items: readonly Item[], depth: number, keyNibbles: number | undefined): ResolvedNode {
  checkInner(depth, keyNibbles);
  const children = emptyChildren();
  let taken = 0;
  for (let i = 0; i < BRANCH_WIDTH; i++) {
    const child = decodeChild(rlp, items[i] as Item, depth + 1, keyNibbles);
    if (child === undefined) continue;
    children[i] = child;
    taken++;
  }
  const last = items[BRANCH_WIDTH] as Item;
  if (last.list) throw malformed('a branch value is a string');
  let value: Bytes | undefined;
  if (last.payload !== last.end) {
    checkKeyEnd(depth, keyNibbles);
    value = rlp.subarray(last.payload, last.end);
    taken++;
  }
  if (taken < 2) throw malformed('a branch has at least two entries');
  return branchNode(SHARED, children, value);
}

/** Undefined is the empty string, the mark of no child. */
function decodeChild(rlp: Bytes, item: Item, depth: number, keyNibbles: number | undefined): TrieNode | undefined {
  if (item.list) {
    if (item.end - item.start >= HASH_BYTES) throw malformed('an embedded node is under 32 bytes');
    const node = decodeList(rlp, item, depth, keyNibbles);
    node.ref = rlp.subarray(item.start, item.end);
    return node;
  }
  const length = item.end - item.payload;
  if (length === 0) return undefined;
  if (length !== HASH_BYTES) throw malformed('a child is a hash, an embedded node or empty');
  return { kind: HASH, ref: rlp.subarray(item.payload, item.end) };
}

/** Where a value stands, a whole key must end. */
function checkKeyEnd(depth: number, keyNibbles: number | undefined): void {
  if (keyNibbles === undefined ? (depth & 1) !== 0 : depth !== keyNibbles) {
    throw malformed('a value stands where no key ends');
  }
}

function checkInner(depth: number, keyNibbles: number | undefined): void {
  if (keyNibbles !== undefined && depth >= keyNibbles) throw malformed('a node lies deeper than the keys are long');
}

/** Reads one item of canonical RLP (Yellow Paper, appendix B) that must end by `limit`. */
function readItem(rlp: Bytes, start: number, limit: number): Item {
  if (start >= limit) throw malformed('the node ends early');
  const first = rlp[start] as number;
  if (first < 0x80) return { start, list: false, payload: start, end: start + 1 };
  const list = first >= 0xc0;
  const short = first - (list ? 0xc0 : 0x80);
  let length = short;
  let payload = start + 1;
  if (short > SHORT_PAYLOAD_MAX) {
    const size = short - SHORT_PAYLOAD_MAX;
    if (size > MAX_LENGTH_BYTES || payload + size > limit) throw malformed('a length is out of range');
    if (rlp[payload] === 0) throw malformed('a length starts with zero');
    length = 0;
    for (let i = 0; i < size; i++) length = length * 0x100 + (rlp[payload + i] as number);
    if (length <= SHORT_PAYLOAD_MAX) throw malformed('a short length is written long');
    payload += size;
  }
  const end = payload + length;
  if (end > limit) throw malformed('an item runs past its container');
  if (!list && length === 1 && (rlp[payload] as number) < 0x80) throw malformed('a small byte is written as a string');
  return { start, list, payload, end };
}

export function malformed(message: string): StrobeError<'MALFORMED_TRIE_NODE'> {
  return new StrobeError('MALFORMED_TRIE_NODE', message);
}
