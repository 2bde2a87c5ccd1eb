import { take } from './space';

/*
 * Nodes that were needed so far. Every record starts with
 *
 * | at | what |
 * |---|---|
 * | 0 | u8 kind |
 * | 1 | u8 first nibble of the path |
 * | 2 | u8 end of the path, in nibbles |
 * | 3 | u8 length of the reference: 32 for a hash, less for the RLP of an embedded node, 0 while it is dirty |
 * | 4 | u32 address of the reference |
 * | 8 | u32 next in the list of dirty nodes with its depth |
 * | 12 | u32 address of the path |
 *
 * A dirty node has dirty nodes above it only. A link is the address of a record, that of a hash with UNLOADED where the
 * node was not needed yet, or 0.
 */
export const LEAF: u32 = 0;
/** Link to the branch at 16. */
export const EXTENSION: u32 = 1;
/** Sixteen links from 16 on. State keys all have one length, so no branch has a value. */
export const BRANCH: u32 = 2;

export const UNLOADED: u32 = 0x80000000;
export const KEY_NIBBLES: i32 = 64;

const SHORT_RECORD_BYTES: usize = 24;
const BRANCH_RECORD_BYTES: usize = 80;

@inline
export function kindOf(node: usize): u32 {
  return load<u8>(node);
}

@inline
export function fromOf(node: usize): i32 {
  return load<u8>(node, 1);
}

@inline
export function toOf(node: usize): i32 {
  return load<u8>(node, 2);
}

@inline
export function refLengthOf(node: usize): usize {
  return load<u8>(node, 3);
}

@inline
export function refOf(node: usize): usize {
  return load<u32>(node, 4);
}

@inline
export function setRef(node: usize, ref: usize, length: usize): void {
  store<u8>(node, length, 3);
  store<u32>(node, ref, 4);
}

@inline
export function isDirty(node: usize): bool {
  return refLengthOf(node) == 0;
}

@inline
export function setDirty(node: usize): void {
  store<u8>(node, 0, 3);
}

@inline
export function nextOf(node: usize): usize {
  return load<u32>(node, 8);
}

@inline
export function setNext(node: usize, next: usize): void {
  store<u32>(node, next, 8);
}

@inline
export function pathOf(node: usize): usize {
  return load<u32>(node, 12);
}

@inline
export function setPath(node: usize, path: usize, from: i32, to: i32): void {
  store<u8>(node, from, 1);
  store<u8>(node, to, 2);
  store<u32>(node, path, 12);
}

@inline
export function setFrom(node: usize, from: i32): void {
  store<u8>(node, from, 1);
}

// Leaf: u32 value 16, u32 its length 20.

@inline
export function valueOf(leaf: usize): usize {
  return load<u32>(leaf, 16);
}

@inline
export function valueLengthOf(leaf: usize): usize {
  return load<u32>(leaf, 20);
}

@inline
export function setValue(leaf: usize, value: usize, length: usize): void {
  store<u32>(leaf, value, 16);
  store<u32>(leaf, length, 20);
}

/** Where a branch links the child under `nibble`, or an extension (nibble 0) its branch. */
@inline
export function linkAt(node: usize, nibble: u32): usize {
  return node + 16 + nibble * 4;
}

/** A dirty leaf, whose path ends with the key. */
export function makeLeaf(path: usize, from: i32, to: i32, value: usize, length: usize): usize {
  const leaf = take(SHORT_RECORD_BYTES);
  store<u32>(leaf, LEAF);
  setPath(leaf, path, from, to);
  setValue(leaf, value, length);
  return leaf;
}

/** A dirty extension. */
export function makeExtension(path: usize, from: i32, to: i32, link: u32): usize {
  const extension = take(SHORT_RECORD_BYTES);
  store<u32>(extension, EXTENSION);
  setPath(extension, path, from, to);
  store<u32>(linkAt(extension, 0), link);
  return extension;
}

/** A dirty branch without children. */
export function makeBranch(): usize {
  const branch = take(BRANCH_RECORD_BYTES);
  memory.fill(branch, 0, BRANCH_RECORD_BYTES);
  store<u32>(branch, BRANCH);
  return branch;
}
