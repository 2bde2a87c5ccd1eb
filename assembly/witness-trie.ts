/**
 * Applies a diff to the part of the state trie that a witness has: what src/state/witness-trie.ts calls, once per
 * instance. Inputs are written to the exported addresses before a call. Where the witness is no good the module traps, is
 * of no use any more, and says why.
 *
 * Nothing of it is shared with the arena but hashing and RLP: a sequencer's trie that goes wrong is found by a replica's.
 */
import { ADDRESS_BYTES, EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, HAS_BALANCE, HAS_CODE, HAS_NONCE, HASH_BYTES } from './constants';
import { copyHash, zeroWords } from './copy';
import { hashCopy, hashWaiting } from './hash-queue';
import { setPageLimit } from './heap';
import { writeHash, writeNumber, writeWord } from './rlp';
import { INVALID_ACCOUNT, MALFORMED_NODE } from './witness/failure';
import { end, failAs, isList, need, payload, readItem } from './witness/items';
import { UNLOADED } from './witness/nodes';
import { copyRoot, hashNoted, noteDirty } from './witness/rehash';
import { take } from './witness/space';
import { foundValue, foundValueLength, get, put, remove } from './witness/update';

export { failure, missingDepth, missingHash } from './witness/failure';
export { indexNodes, reserveWitness } from './witness/source';

const SLOT_BYTES: usize = 64;

/** In: an address. */
export const KEY: usize = memory.data(32, 8);
/** In: a nonce, a balance in 4 words, all little-endian, and a code hash. */
export const VALUE: usize = memory.data(128, 8);
/** In: a batch of at most 64 slots. */
export const BATCH: usize = memory.data(4096, 64);
/** In: the state root; out: the state root after the diff. */
export const ROOT: usize = memory.data(32, 8);

const rootBefore: usize = memory.data(32, 8);
let accountsTop: u32 = 0;

/*
 * A written account: u32 next of those whose storage changes, u32 link to the top node of its storage, u32 where its
 * leaf's value has the storage root, u32 the storage root before, u32 1 when it is in the list.
 */
const ACCOUNT_BYTES: usize = 20;
/** Longest value of an account's leaf: two headers, nonce, balance and two hashes. */
const ACCOUNT_VALUE_BYTES: usize = 112;
let changedStorage: usize = 0;

/** To be called once, first. */
export function open(pageLimit: i32): void {
  setPageLimit(pageLimit);
}

/** Begins with the state root in ROOT. */
export function openRoot(): void {
  copyHash(rootBefore, ROOT);
  accountsTop = linkOf(rootBefore);
}

/** Link to the top node of a trie; its root must stay. */
function linkOf(root: usize): u32 {
  return memory.compare(root, EMPTY_TRIE_ROOT, HASH_BYTES) == 0 ? 0 : (root as u32) | UNLOADED;
}

function hashOfAddress(): usize {
  const hash = take(HASH_BYTES);
  hashCopy(KEY, ADDRESS_BYTES, hash);
  hashWaiting();
  return hash;
}

/** Writes the given fields of the account with the address in KEY, which is made when there is none; returns the account. */
export function writeAccount(fields: u32): usize {
  const key = hashOfAddress();
  accountsTop = get(accountsTop, key);
  readOldAccount();
  const value = take(ACCOUNT_VALUE_BYTES);
  let at = value + 2;
  at = fields & HAS_NONCE ? writeNumber(at, VALUE, 1) : copyItem(at, oldNonce, oldBalance);
  at = fields & HAS_BALANCE ? writeNumber(at, VALUE + 8, 4) : copyItem(at, oldBalance, oldBalanceEnd);
  const rootAt = at + 1;
  at = writeHash(at, oldStorageRoot);
  at = writeHash(at, fields & HAS_CODE ? VALUE + 40 : oldCodeHash);
  // Two hashes: always longer than 55 bytes, and never than 255.
  store<u8>(value, 0xf8);
  store<u8>(value + 1, at - value - 2);
  accountsTop = put(accountsTop, key, value, at - value);
  const account = take(ACCOUNT_BYTES);
  zeroWords(account, (ACCOUNT_BYTES + 7) >> 3);
  store<u32>(account, linkOf(oldStorageRoot), 4);
  store<u32>(account, rootAt, 8);
  store<u32>(account, oldStorageRoot, 12);
  return account;
}

/** Nonce and balance of an account that is not there. */
const ZERO_NUMBERS: usize = memory.data<u8>([0x80, 0x80]);
// Items of the nonce and the balance, and the hashes, of the account that was read last.
let oldNonce: usize = 0;
let oldBalance: usize = 0;
let oldBalanceEnd: usize = 0;
let oldStorageRoot: usize = 0;
let oldCodeHash: usize = 0;

/** Takes the account that was looked up apart (protocol/account-leaf.ts). */
function readOldAccount(): void {
  if (foundValueLength == 0) {
    oldNonce = ZERO_NUMBERS;
    oldBalance = ZERO_NUMBERS + 1;
    oldBalanceEnd = ZERO_NUMBERS + 2;
    oldStorageRoot = EMPTY_TRIE_ROOT;
    oldCodeHash = EMPTY_CODE_HASH;
    return;
  }
  failAs(INVALID_ACCOUNT);
  const limit = foundValue + foundValueLength;
  readItem(foundValue, limit);
  need(isList && end == limit);
  oldNonce = payload;
  oldBalance = readNumber(oldNonce, limit, 8);
  oldBalanceEnd = readNumber(oldBalance, limit, 32);
  oldStorageRoot = readHash(oldBalanceEnd, limit);
  oldCodeHash = readHash(end, limit);
  need(end == limit);
  failAs(MALFORMED_NODE);
}

/** Reads a number without leading zeros; returns its end. */
function readNumber(at: usize, limit: usize, maxBytes: usize): usize {
  readItem(at, limit);
  need(!isList && end - payload <= maxBytes && (payload == end || load<u8>(payload) != 0));
  return end;
}

function readHash(at: usize, limit: usize): usize {
  readItem(at, limit);
  need(!isList && end - payload == HASH_BYTES);
  return payload;
}

function copyItem(at: usize, from: usize, to: usize): usize {
  memory.copy(at, from, to - from);
  return at + to - from;
}

/** Sets the first `count` slots of BATCH, 64 bytes apart: a key and a 32-byte big-endian word, of which zero clears. */
export function writeSlots(account: usize, count: usize): void {
  if (load<u32>(account, 16) == 0) {
    store<u32>(account, 1, 16);
    store<u32>(account, changedStorage);
    changedStorage = account;
  }
  const keys = take(count * HASH_BYTES);
  for (let i: usize = 0; i < count; i++) hashCopy(BATCH + i * SLOT_BYTES, HASH_BYTES, keys + i * HASH_BYTES);
  hashWaiting();
  let top = load<u32>(account, 4);
  for (let i: usize = 0; i < count; i++) {
    const word = BATCH + i * SLOT_BYTES + HASH_BYTES;
    const value = take(HASH_BYTES + 1);
    const length = writeWord(value, word) - value;
    top = length == 0 ? remove(top, keys + i * HASH_BYTES) : put(top, keys + i * HASH_BYTES, value, length);
  }
  store<u32>(account, top, 4);
}

/** Removes the account with the address in KEY, if there is one. */
export function deleteAccount(): void {
  accountsTop = remove(accountsTop, hashOfAddress());
}

/** Writes the root after all of it to ROOT. */
export function updateRoot(): void {
  for (let account = changedStorage; account != 0; account = load<u32>(account)) noteDirty(load<u32>(account, 4));
  hashNoted();
  for (let account = changedStorage; account != 0; account = load<u32>(account)) {
    copyRoot(load<u32>(account, 8), load<u32>(account, 4), load<u32>(account, 12));
  }
  noteDirty(accountsTop);
  hashNoted();
  copyRoot(ROOT, accountsTop, rootBefore);
}
