import { HASH_BYTES } from '../constants';
import { reserve } from '../heap';
import { LEAF_FLAG, writeHash, writePath } from '../rlp';
import {
  EXTENSION,
  fromOf,
  kindOf,
  LEAF,
  linkAt,
  pathOf,
  refLengthOf,
  refOf,
  toOf,
  UNLOADED,
  valueLengthOf,
  valueOf,
} from './nodes';

/*
 * RLP of nodes (Yellow Paper, appendices B to D) whose children have their references.
 */
const SHORT_PAYLOAD_MAX: usize = 55;
/** Header, path, and what whole words are written too much. */
const MARGIN_BYTES: usize = 64;
/** Enough for a branch; only a leaf that a stranger made needs more. */
const FIRST_CAPACITY: usize = 4096;

/** The node that was encoded last. */
export let encoded: usize = 0;
let capacity: usize = 0;

/** Writes the RLP of a node to {@link encoded}; returns its length. */
export function encodeNode(node: usize): usize {
  const kind = kindOf(node);
  ensure(kind == LEAF ? valueLengthOf(node) : FIRST_CAPACITY - MARGIN_BYTES);
  const end = kind == LEAF ? writeLeaf(node) : kind == EXTENSION ? writeExtension(node) : writeBranch(node);
  return end - encoded;
}

function ensure(content: usize): void {
  const needed = max(content + MARGIN_BYTES, FIRST_CAPACITY);
  if (needed <= capacity) return;
  capacity = (needed + 63) & ~63;
  encoded = reserve(capacity);
}

function writeLeaf(leaf: usize): usize {
  const value = valueOf(leaf);
  const length = valueLengthOf(leaf);
  const isByte = length == 1 && load<u8>(value) < 0x80;
  const payload = pathBytes(leaf) + (isByte ? 1 : headerBytes(length) + length);
  let at = writeHeader(encoded, 0xc0, payload);
  at = writePath(at, pathOf(leaf), fromOf(leaf), toOf(leaf), LEAF_FLAG);
  if (!isByte) at = writeHeader(at, 0x80, length);
  memory.copy(at, value, length);
  return at + length;
}

function writeExtension(extension: usize): usize {
  const link = load<u32>(linkAt(extension, 0));
  let at = writeHeader(encoded, 0xc0, pathBytes(extension) + linkBytes(link));
  at = writePath(at, pathOf(extension), fromOf(extension), toOf(extension), 0);
  return writeLink(at, link);
}

function writeBranch(branch: usize): usize {
  let payload: usize = 1;
  for (let nibble: u32 = 0; nibble < 16; nibble++) payload += linkBytes(load<u32>(linkAt(branch, nibble)));
  let at = writeHeader(encoded, 0xc0, payload);
  for (let nibble: u32 = 0; nibble < 16; nibble++) at = writeLink(at, load<u32>(linkAt(branch, nibble)));
  store<u8>(at, 0x80);
  return at + 1;
}

/** RLP length of the hex-prefix form of a path. */
@inline
function pathBytes(node: usize): usize {
  const bytes = <usize>((toOf(node) - fromOf(node)) >> 1) + 1;
  return bytes == 1 ? 1 : bytes + 1;
}

@inline
function linkBytes(link: u32): usize {
  if (link == 0) return 1;
  const length = link & UNLOADED ? HASH_BYTES : refLengthOf(link);
  return length == HASH_BYTES ? HASH_BYTES + 1 : length;
}

@inline
function writeLink(at: usize, link: u32): usize {
  if (link == 0) {
    store<u8>(at, 0x80);
    return at + 1;
  }
  if (link & UNLOADED) return writeHash(at, link & ~UNLOADED);
  const length = refLengthOf(link);
  if (length == HASH_BYTES) return writeHash(at, refOf(link));
  memory.copy(at, refOf(link), length);
  return at + length;
}

function headerBytes(length: usize): usize {
  if (length <= SHORT_PAYLOAD_MAX) return 1;
  return length < 0x100 ? 2 : length < 0x10000 ? 3 : length < 0x1000000 ? 4 : 5;
}

function writeHeader(at: usize, base: u32, length: usize): usize {
  const size = headerBytes(length);
  if (size == 1) {
    store<u8>(at, base + (length as u32));
    return at + 1;
  }
  store<u8>(at++, base + (SHORT_PAYLOAD_MAX as u32) + (size as u32) - 1);
  for (let shift = (size - 2) * 8, i: usize = 1; i < size; i++, shift -= 8) store<u8>(at++, (length >> shift) as u8);
  return at;
}
