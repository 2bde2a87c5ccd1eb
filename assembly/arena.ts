/**
 * The state trie in one linear memory: what src/state/arena calls. Inputs are written to the exported addresses before
 * a call; an account or node is the address of its record and good until the next change.
 *
 * All work on records is done here and not in TypeScript over typed arrays: hashing is in the same module, 64-bit
 * comparisons are single instructions, and there are no views that end when the memory grows.
 */
import { childAt, hashSlot } from './branch';
import { ADDRESS_BYTES, EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, HAS_BALANCE, HAS_CODE, HAS_NONCE, HASH_BYTES } from './constants';
import { copyHash } from './copy';
import { allocate, liveCount, setPageLimit, usedBytes } from './heap';
import { forgetOldest, journalBytes, presentBlock, reclaim, resolve, setView, touch } from './journal';
import { fetchNoted, noteBucket } from './fetch';
import { setMultiplier } from './hash-set';
import { accountBucket, addToIndex, findAccount, findSlot, openIndex, removeFromIndex, slotBucket } from './key-index';
import { hashOne, pad } from './keccak';
import { anyLeaf, writeBranch, writeNode } from './node-rlp';
import {
  ACCOUNT,
  addressOf,
  balanceOf,
  codeHashOf,
  CONTRACT,
  contractOf,
  depthOf,
  embeddedOf,
  IN_STORAGE,
  isBranch,
  keyHashOf,
  maskOf,
  nonceOf,
  setContract,
  setFlags,
  setOwner,
  setValue,
  SLOT,
  slotKeyOf,
  storageRootOf,
  valueLengthOf,
  valueOf,
} from './record';
import { rehash } from './rehash';
import { writeWord } from './rlp';
import { beginNextBlock, insertLeaf, nearestLeaf, removeLeaf, ROOT, rootOf, sharedNibbles, topOf } from './update';

export { hashOne, hashTwo, pad } from './keccak';
export { forgetOldest, journalBytes };
export { beginNodes, collectNodes, firstNodes, reserveKeys } from './witness-nodes';
export { ROOT };

/** Nodes of dropped storage that one call gives back: about a millisecond. */
const RECLAIM_BUDGET: i32 = 8192;


/** In: an address (20 bytes and 4 zero bytes), a slot key, or the hash of a key. */
export const KEY: usize = memory.data(32, 8);
/** In: a nonce, a balance in 4 words, all little-endian, and a code hash; or a word or value of a slot. Out: an account. */
export const VALUE: usize = memory.data(128, 8);
/** In: a batch of at most 64 addresses or slots. */
export const BATCH: usize = memory.data(4096, 64);
/** Out: RLP of a node; long enough to hold a branch behind the path of its extension while it is hashed. */
export const NODE: usize = memory.data(640, 8);

const message: usize = memory.data(136, 8);
const word: usize = memory.data(40, 8);
let hashesSlotKeys: bool = true;

/**
 * To be called once, first.
 * @param slotKeys false: slot keys are the hashes themselves
 */
export function open(secret0: u64, secret1: u64, pageLimit: i32, slotKeys: bool): void {
  setPageLimit(pageLimit);
  hashesSlotKeys = slotKeys;
  openIndex(secret0, secret1);
  setMultiplier(secret0 ^ secret1);
}

function hashKey(key: usize, bytes: usize, target: usize): void {
  memory.copy(message, key, bytes);
  pad(message, bytes);
  hashOne(message, 1, target);
}

/** Writes the given fields of the account with the address in KEY, which is made when there is none. */
export function writeAccount(fields: u32): usize {
  setView(0);
  let account = findAccount(KEY);
  if (account == 0) account = makeAccount();
  else touch(account);
  if (fields & HAS_NONCE) memory.copy(nonceOf(account), VALUE, 8);
  if (fields & HAS_BALANCE) memory.copy(balanceOf(account), VALUE + 8, 32);
  if (fields & HAS_CODE) writeCodeHash(account, VALUE + 40);
  return account;
}

function makeAccount(): usize {
  const account = allocate(ACCOUNT);
  memory.fill(nonceOf(account), 0, 40);
  hashKey(KEY, ADDRESS_BYTES, keyHashOf(account));
  memory.copy(addressOf(account), KEY, 24);
  insertLeaf(0, account);
  addToIndex(account);
  return account;
}

function writeCodeHash(account: usize, codeHash: usize): void {
  if (contractOf(account) == 0) {
    if (memory.compare(codeHash, EMPTY_CODE_HASH, HASH_BYTES) == 0) return;
    makeContract(account);
  }
  copyHash(codeHashOf(contractOf(account)), codeHash);
}

function makeContract(account: usize): void {
  const contract = allocate(CONTRACT);
  copyHash(codeHashOf(contract), EMPTY_CODE_HASH);
  copyHash(storageRootOf(contract), EMPTY_TRIE_ROOT);
  setContract(account, contract);
}

/** Removes the account with the address in KEY and its storage, if there is one. */
export function deleteAccount(): void {
  setView(0);
  const account = findAccount(KEY);
  if (account == 0) return;
  removeFromIndex(account);
  removeLeaf(account);
}

/** Brings the accounts with the first `count` addresses of BATCH, 32 bytes apart, and what is above them near. */
export function fetchAccounts(count: u32): void {
  for (let i: u32 = 0; i < count; i++) noteBucket(i, accountBucket(BATCH + i * 32));
  fetchNoted(count);
}

/** Sets the first `count` slots of BATCH, 64 bytes apart: a key and a 32-byte big-endian word, of which zero clears. */
export function writeSlots(account: usize, count: u32): void {
  setView(0);
  for (let i: u32 = 0; i < count; i++) noteBucket(i, slotBucket(account, BATCH + i * 64));
  fetchNoted(count);
  for (let i: u32 = 0; i < count; i++) writeSlot(account, BATCH + i * 64, BATCH + i * 64 + 32);
}

function writeSlot(account: usize, key: usize, value: usize): void {
  writeSlotValue(account, key, word, writeWord(word, value) - word);
}

/** Sets the slot with the key in KEY to the trie value of `length` bytes (at most 35) in VALUE; length 0 clears it. */
export function writeRawSlot(account: usize, length: usize): void {
  setView(0);
  writeSlotValue(account, KEY, VALUE, length);
}

function writeSlotValue(account: usize, key: usize, value: usize, length: usize): void {
  const slot = findSlot(account, key);
  if (length == 0) {
    if (slot == 0) return;
    removeFromIndex(slot);
    removeLeaf(slot);
  } else if (slot == 0) {
    makeSlot(account, key, value, length);
  } else if (valueLengthOf(slot) != (length as u32) || memory.compare(valueOf(slot), value, length) != 0) {
    touch(slot);
    setValue(slot, value, length as u32);
  }
}

function makeSlot(account: usize, key: usize, value: usize, length: usize): void {
  touch(account);
  if (contractOf(account) == 0) makeContract(account);
  const slot = allocate(SLOT);
  setFlags(slot, IN_STORAGE);
  setOwner(slot, account);
  setValue(slot, value, length as u32);
  copyHash(slotKeyOf(slot), key);
  if (hashesSlotKeys) hashKey(key, HASH_BYTES, keyHashOf(slot));
  else copyHash(keyHashOf(slot), key);
  insertLeaf(account, slot);
  addToIndex(slot);
}

/** Brings ROOT and every hash up to date. */
export function updateRoot(): void {
  rehash();
  reclaim(RECLAIM_BUDGET);
}

/** Ends the open block; returns the number of the next, whose view is the present state. */
export function startBlock(): u32 {
  updateRoot();
  beginNextBlock();
  return presentBlock();
}

/**
 * Chooses what the functions below show: the state when a block began that is not forgotten, or the present one (0),
 * which must be hashed.
 */
export function look(view: u32): void {
  setView(view);
}

/** Top node of the account trie (owner 0) or of an account's storage trie, 0 when it is empty. */
export function topNode(owner: usize): usize {
  return topOf(owner);
}

/** Address of the root of the account trie (owner 0) or of an account's storage trie. */
export function rootAt(owner: usize): usize {
  return owner != 0 && contractOf(owner) == 0 ? EMPTY_TRIE_ROOT : rootOf(owner);
}

/** The leaf with the key hash in KEY below `top`, 0 when there is none. */
export function leafOf(top: usize): usize {
  if (top == 0) return 0;
  const leaf = nearestLeaf(top, KEY);
  return sharedNibbles(keyHashOf(leaf), KEY) == 64 ? leaf : 0;
}

/** Depth of a branch, -1 for a leaf. */
export function branchDepth(node: usize): i32 {
  return isBranch(node) ? depthOf(node) : -1;
}

export function childMask(branch: usize): u32 {
  return maskOf(branch);
}

export function child(branch: usize, nibble: u32): usize {
  return resolve(childAt(branch, nibble));
}

/** Address of the hash by which a branch refers to a child, 0 when it holds the child itself. */
export function childHash(branch: usize, nibble: u32): usize {
  return embeddedOf(branch) & (1 << nibble) ? 0 : hashSlot(branch, nibble);
}

/** Address of the key hash of a leaf at or below `node`. */
export function pathKey(node: usize): usize {
  return keyHashOf(anyLeaf(node));
}

/** Writes to NODE the node that starts at key nibble `from`, an extension before its branch; returns its length. */
export function encodeNode(node: usize, from: i32): usize {
  return writeNode(NODE, node, from) - NODE;
}

/** Writes a branch to NODE without the extension above it; returns its length. */
export function encodeBranch(branch: usize): usize {
  return writeBranch(NODE, branch) - NODE;
}

/** Writes nonce (8 bytes), balance (32), both little-endian, code hash and storage root of an account to VALUE. */
export function readAccount(account: usize): void {
  const contract = contractOf(account);
  memory.copy(VALUE, nonceOf(account), 40);
  copyHash(VALUE + 40, contract == 0 ? EMPTY_CODE_HASH : codeHashOf(contract));
  copyHash(VALUE + 72, contract == 0 ? EMPTY_TRIE_ROOT : storageRootOf(contract));
}

/** Writes the value of a slot's leaf to VALUE; returns its length. */
export function readSlot(slot: usize): u32 {
  memory.copy(VALUE, valueOf(slot), valueLengthOf(slot));
  return valueLengthOf(slot);
}

export function recordCount(kind: u32): u32 {
  return liveCount(kind);
}

export function bytesInUse(): usize {
  return usedBytes();
}
