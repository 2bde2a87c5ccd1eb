import type { Bytes } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import {
  BRANCH,
  BRANCH_WIDTH,
  type BranchNode,
  EXTENSION,
  type ExtensionNode,
  HASH,
  HASH_BYTES,
  LEAF,
  type LeafNode,
  nibbleAt,
  type ResolvedNode,
  type TrieNode,
} from './trie-node.ts';

const EMPTY_STRING = 0x80;
const STRING_OFFSET = 0x80;
const LIST_OFFSET = 0xc0;
/** Payloads up to this length have a one-byte RLP header. */
const SHORT_PAYLOAD_MAX = 55;

// Nodes are encoded here one after the other (children first), never two at once; it grows to the largest node seen.
let scratch = new Uint8Array(1024);
let position = 0;

/** The reference of a node, computing it for every dirty node below. */
export function nodeRef(node: TrieNode): Bytes {
  if (node.kind === HASH) return node.ref;
  if (node.ref !== undefined) return node.ref;
  if (node.kind === EXTENSION) nodeRef(node.child);
  else if (node.kind === BRANCH) {
    for (let i = 0; i < BRANCH_WIDTH; i++) {
      const child = node.children[i];
      if (child !== undefined && child.ref === undefined) nodeRef(child);
    }
  }
  writeNode(node);
  node.ref = position < HASH_BYTES ? scratch.slice(0, position) : keccak256(scratch.subarray(0, position));
  return node.ref;
}

/** The RLP of a node as fresh bytes. */
export function encodeNode(node: ResolvedNode): Bytes {
  nodeRef(node);
  writeNode(node);
  return scratch.slice(0, position);
}

/** Writes the RLP into scratch[0, position); the references of all children are known by now. */
function writeNode(node: ResolvedNode): void {
  position = 0;
  if (node.kind === BRANCH) writeBranch(node);
  else if (node.kind === LEAF) writeLeaf(node);
  else writeExtension(node);
}

function writeBranch(node: BranchNode): void {
  const valueLength = node.value === undefined ? 1 : stringLength(node.value);
  let payload = valueLength;
  for (let i = 0; i < BRANCH_WIDTH; i++) payload += refLength(node.children[i]);
  reserve(payload);
  writeHeader(LIST_OFFSET, payload);
  for (let i = 0; i < BRANCH_WIDTH; i++) {
    const child = node.children[i];
    if (child === undefined) scratch[position++] = EMPTY_STRING;
    else writeRef(child.ref as Bytes);
  }
  if (node.value === undefined) scratch[position++] = EMPTY_STRING;
  else writeString(node.value);
}

function writeLeaf(node: LeafNode): void {
  const to = node.path.length * 2;
  const payload = pathLength(to - node.from) + stringLength(node.value);
  reserve(payload);
  writeHeader(LIST_OFFSET, payload);
  writePath(node.path, node.from, to, 0x20);
  writeString(node.value);
}

function writeExtension(node: ExtensionNode): void {
  const payload = pathLength(node.to - node.from) + refLength(node.child);
  reserve(payload);
  writeHeader(LIST_OFFSET, payload);
  writePath(node.path, node.from, node.to, 0x00);
  writeRef(node.child.ref as Bytes);
}

/** Makes room for a list of this payload and its header. */
function reserve(payload: number): void {
  const needed = payload + headerLength(payload);
  if (needed > scratch.length) scratch = new Uint8Array(needed * 2);
}

function headerLength(length: number): number {
  if (length <= SHORT_PAYLOAD_MAX) return 1;
  return length < 0x100 ? 2 : length < 0x10000 ? 3 : length < 0x1000000 ? 4 : 5;
}

function stringLength(bytes: Bytes): number {
  if (bytes.length === 1 && (bytes[0] as number) < STRING_OFFSET) return 1;
  return headerLength(bytes.length) + bytes.length;
}

function refLength(child: TrieNode | undefined): number {
  if (child === undefined) return 1;
  const ref = child.ref as Bytes;
  return ref.length === HASH_BYTES ? HASH_BYTES + 1 : ref.length;
}

function writeHeader(offset: number, length: number): void {
  const size = headerLength(length);
  if (size === 1) {
    scratch[position++] = offset + length;
    return;
  }
  scratch[position++] = offset + SHORT_PAYLOAD_MAX + size - 1;
  for (let shift = (size - 2) * 8; shift >= 0; shift -= 8) scratch[position++] = length >>> shift;
}

function writeString(bytes: Bytes): void {
  if (bytes.length !== 1 || (bytes[0] as number) >= STRING_OFFSET) writeHeader(STRING_OFFSET, bytes.length);
  scratch.set(bytes, position);
  position += bytes.length;
}

function writeRef(ref: Bytes): void {
  if (ref.length === HASH_BYTES) scratch[position++] = STRING_OFFSET + HASH_BYTES;
  // A loop beats set() at this size.
  for (let i = 0; i < ref.length; i++) scratch[position + i] = ref[i] as number;
  position += ref.length;
}

/** RLP length of the hex-prefix form of a path with this many nibbles. */
function pathLength(nibbles: number): number {
  const bytes = (nibbles >> 1) + 1;
  return bytes === 1 ? 1 : headerLength(bytes) + bytes;
}

/** Writes the hex-prefix form (Yellow Paper, appendix C): flag and parity nibble first, then the path. */
function writePath(path: Bytes, from: number, to: number, flag: number): void {
  const odd = (to - from) & 1;
  const bytes = ((to - from) >> 1) + 1;
  if (bytes > 1) writeHeader(STRING_OFFSET, bytes);
  scratch[position++] = odd === 1 ? flag | 0x10 | nibbleAt(path, from) : flag;
  const first = from + odd;
  if ((first & 1) === 0) {
    for (let i = first >> 1; i < to >> 1; i++) scratch[position++] = path[i] as number;
  } else {
    for (let i = first; i < to; i += 2) scratch[position++] = (nibbleAt(path, i) << 4) | nibbleAt(path, i + 1);
  }
}
