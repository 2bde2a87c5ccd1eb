/**
 * Records of the arena. Every record starts with a header of 20 bytes:
 *
 * | at | what |
 * |---|---|
 * | 0 | u8 kind, which is also the size class |
 * | 1 | u8 flags |
 * | 2 | u8 nibble under which the parent has this node |
 * | 3 | u8 depth of a branch: nibbles of the key above its own |
 * | 4 | u32 parent: a branch, the account of a storage trie's top node, or 0 for the top of the account trie |
 * | 8 | u32 next in the one list the record is in (dirty, saved, held, dropped, free) |
 * | 12 | u32 the block in which the record was made or first changed |
 * | 16 | u32 its copy from before that block, 0 when it was made in the block |
 *
 * There are no extension records: a branch more than one nibble below its parent has an extension above it, whose path
 * is in the key of every leaf below.
 */
export const SLOT: u32 = 0;
export const ACCOUNT: u32 = 1;
/** Code hash and storage of an account that has any. */
export const CONTRACT: u32 = 2;
/** A branch with room for 3 children, whose RLP then fits one block of Keccak; the next have 7 (2 blocks), 12 and 16. */
export const BRANCH: u32 = 3;
export const LARGEST_BRANCH: u32 = 6;
export const KINDS: u32 = 7;

export const DIRTY: u8 = 1;
/** Out of the trie; the record is released when it leaves the dirty list. */
export const DEAD: u8 = 2;
/** Part of a storage trie. */
export const IN_STORAGE: u8 = 4;

/** Zeroed when a record is allocated; longer than the header, so that every kind's links are clear. */
export const HEADER_BYTES: usize = 32;

const RECORD_BYTES: usize = memory.data<u32>([128, 128, 80, 176, 328, 480, 632]);
const BRANCH_CAPACITY: usize = memory.data<u32>([0, 0, 0, 3, 7, 12, 16]);

@inline
export function bytesOf(kind: u32): usize {
  return load<u32>(RECORD_BYTES + kind * 4);
}

@inline
export function kindOf(node: usize): u32 {
  return load<u8>(node);
}

@inline
export function isBranch(node: usize): bool {
  return kindOf(node) >= BRANCH;
}

@inline
export function flagsOf(node: usize): u8 {
  return load<u8>(node, 1);
}

@inline
export function setFlags(node: usize, flags: u8): void {
  store<u8>(node, flags, 1);
}

@inline
export function nibbleOf(node: usize): u32 {
  return load<u8>(node, 2);
}

@inline
export function setNibble(node: usize, nibble: u32): void {
  store<u8>(node, nibble, 2);
}

@inline
export function depthOf(branch: usize): i32 {
  return load<u8>(branch, 3);
}

@inline
export function setDepth(branch: usize, depth: i32): void {
  store<u8>(branch, depth, 3);
}

@inline
export function parentOf(node: usize): usize {
  return load<u32>(node, 4);
}

@inline
export function setParent(node: usize, parent: usize): void {
  store<u32>(node, parent, 4);
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
export function stampOf(node: usize): u32 {
  return load<u32>(node, 12);
}

@inline
export function setStamp(node: usize, block: u32): void {
  store<u32>(node, block, 12);
}

@inline
export function savedOf(node: usize): usize {
  return load<u32>(node, 16);
}

@inline
export function setSaved(node: usize, copy: usize): void {
  store<u32>(node, copy, 16);
}

/** True for the top node of a trie. */
@inline
export function isTop(node: usize): bool {
  const parent = parentOf(node);
  return parent == 0 || kindOf(parent) == ACCOUNT;
}

/** Depth of the branch above, -1 for a top node. */
@inline
export function parentDepthOf(node: usize): i32 {
  return isTop(node) ? -1 : depthOf(parentOf(node));
}

// Both leaves: u32 chain at 24 links the records of one bucket of the key index.

@inline
export function chainOf(leaf: usize): usize {
  return load<u32>(leaf, 24);
}

@inline
export function setChain(leaf: usize, next: usize): void {
  store<u32>(leaf, next, 24);
}

/** Keccak-256 of the key: where the leaf is in its trie. */
@inline
export function keyHashOf(leaf: usize): usize {
  return leaf + (kindOf(leaf) == SLOT ? 64 : 72);
}

// Slot: u32 owner (its account) 20, chain 24, u8 value length 28, value 29..64, key hash 64, key 96.

/** Longest value of a slot leaf; state values are the RLP of at most 32 bytes. */
export const MAX_VALUE_BYTES: u32 = 35;

@inline
export function ownerOf(slot: usize): usize {
  return load<u32>(slot, 20);
}

@inline
export function setOwner(slot: usize, account: usize): void {
  store<u32>(slot, account, 20);
}

@inline
export function valueLengthOf(slot: usize): u32 {
  return load<u8>(slot, 28);
}

@inline
export function valueOf(slot: usize): usize {
  return slot + 29;
}

@inline
export function setValue(slot: usize, value: usize, length: u32): void {
  store<u8>(slot, length, 28);
  memory.copy(slot + 29, value, length);
}

@inline
export function slotKeyOf(slot: usize): usize {
  return slot + 96;
}

// Account: u32 contract 20, chain 24, u64 nonce 32, balance 40 (little-endian), key hash 72, address 104 and 4 zero bytes.

@inline
export function contractOf(account: usize): usize {
  return load<u32>(account, 20);
}

@inline
export function setContract(account: usize, contract: usize): void {
  store<u32>(account, contract, 20);
}

@inline
export function nonceOf(account: usize): usize {
  return account + 32;
}

@inline
export function balanceOf(account: usize): usize {
  return account + 40;
}

@inline
export function addressOf(account: usize): usize {
  return account + 104;
}

// Contract, without a header but for kind and `next`: u32 top node of the storage trie 4, code hash 16, storage root 48.

@inline
export function storageTopOf(contract: usize): usize {
  return load<u32>(contract, 4);
}

@inline
export function setStorageTop(contract: usize, node: usize): void {
  store<u32>(contract, node, 4);
}

@inline
export function codeHashOf(contract: usize): usize {
  return contract + 16;
}

@inline
export function storageRootOf(contract: usize): usize {
  return contract + 48;
}

// Branch: u16 mask of children 20, u16 mask of embedded children 22, children's addresses packed from 24, then the RLP.

@inline
export function maskOf(branch: usize): u32 {
  return load<u16>(branch, 20);
}

@inline
export function setMask(branch: usize, mask: u32): void {
  store<u16>(branch, mask, 20);
}

/** Children with RLP under 32 bytes, which is part of the branch's: the prepared RLP does not hold then. */
@inline
export function embeddedOf(branch: usize): u32 {
  return load<u16>(branch, 22);
}

@inline
export function setEmbedded(branch: usize, mask: u32): void {
  store<u16>(branch, mask, 22);
}

@inline
export function capacityOf(kind: u32): u32 {
  return load<u32>(BRANCH_CAPACITY + kind * 4);
}

/** Address of the number of child `index`, counted over the children there are. */
@inline
export function childSlot(branch: usize, index: u32): usize {
  return branch + 24 + index * 4;
}

/** Where the prepared, padded RLP of a branch starts; every child stands in it as a hash. */
@inline
export function encodedOf(branch: usize): usize {
  return branch + ((24 + capacityOf(kindOf(branch)) * 4 + 7) & ~7);
}
