import { CHUNK_BYTES, reserve } from './heap';
import {
  ACCOUNT,
  addressOf,
  chainOf,
  kindOf,
  ownerOf,
  setChain,
  SLOT,
  slotKeyOf,
} from './record';

/**
 * Leaf records by address, or by account and slot key: linear hashing with chains through the records, so that the
 * table grows by one bucket per insertion and never pauses to rehash. Strangers choose the keys: the hash is
 * SipHash-1-3 under a secret.
 */
const SEGMENT_BUCKETS: u32 = (CHUNK_BYTES / 4) as u32;
/** 4,096 segments of 16,384 buckets: more than the 2^25 leaves that 4 GiB hold. */
const MAX_SEGMENTS: usize = 4096;
const directory: usize = memory.data(16384, 4);

let seed0: u64 = 0;
let seed1: u64 = 0;
let records: u32 = 0;
/** Buckets before the present round of splits, a power of two, and how many of them have been split. */
let baseBuckets: u32 = SEGMENT_BUCKETS;
let splitBuckets: u32 = 0;

export function openIndex(secret0: u64, secret1: u64): void {
  seed0 = secret0;
  seed1 = secret1;
  addSegment(0);
}

function addSegment(segment: usize): void {
  if (segment >= MAX_SEGMENTS) unreachable();
  const at = reserve(CHUNK_BYTES);
  memory.fill(at, 0, CHUNK_BYTES);
  store<u32>(directory + segment * 4, at);
}

@inline
function bucketSlot(bucket: u32): usize {
  return load<u32>(directory + (bucket / SEGMENT_BUCKETS) * 4) + (bucket % SEGMENT_BUCKETS) * 4;
}

@inline
function bucketFor(hash: u32): usize {
  let bucket = hash & (baseBuckets - 1);
  if (bucket < splitBuckets) bucket = hash & (2 * baseBuckets - 1);
  return bucketSlot(bucket);
}

/** SipHash-1-3 of whole words and one more (J.-P. Aumasson, D. J. Bernstein, 2012). */
function sipHash(words: usize, count: usize, last: u64): u32 {
  let v0 = seed0 ^ 0x736f6d6570736575;
  let v1 = seed1 ^ 0x646f72616e646f6d;
  let v2 = seed0 ^ 0x6c7967656e657261;
  let v3 = seed1 ^ 0x7465646279746573;
  const end = count + 4;
  for (let i: usize = 0; i < end; i++) {
    // Words, then the last one, then three rounds without input.
    const word = i < count ? load<u64>(words + i * 8) : i == count ? last : 0;
    if (i == count + 1) v2 ^= 0xff;
    v3 ^= word;
    v0 += v1;
    v1 = rotl(v1, 13) ^ v0;
    v0 = rotl(v0, 32);
    v2 += v3;
    v3 = rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = rotl(v1, 17) ^ v2;
    v2 = rotl(v2, 32);
    v0 ^= word;
  }
  return (v0 ^ v1 ^ v2 ^ v3) as u32;
}

const ADDRESS_WORDS: usize = 3;
const KEY_WORDS: usize = 4;

@inline
function hashOfLeaf(leaf: usize): u32 {
  if (kindOf(leaf) == ACCOUNT) return sipHash(addressOf(leaf), ADDRESS_WORDS, 0);
  return sipHash(slotKeyOf(leaf), KEY_WORDS, ownerOf(leaf) as u64);
}

@inline
function sameWords(a: usize, b: usize, words: usize): bool {
  let difference: u64 = 0;
  for (let i: usize = 0; i < words; i++) difference |= load<u64>(a + i * 8) ^ load<u64>(b + i * 8);
  return difference == 0;
}

/** Where the chain of an address begins. */
export function accountBucket(address: usize): usize {
  return bucketFor(sipHash(address, ADDRESS_WORDS, 0));
}

/** Where the chain of a slot begins. */
export function slotBucket(account: usize, key: usize): usize {
  return bucketFor(sipHash(key, KEY_WORDS, account as u64));
}

/** The account with the address at `address` (20 bytes and 4 zero bytes), 0 when there is none. */
export function findAccount(address: usize): usize {
  let at: usize = load<u32>(accountBucket(address));
  while (at != 0) {
    if (kindOf(at) == ACCOUNT && sameWords(addressOf(at), address, ADDRESS_WORDS)) return at;
    at = chainOf(at);
  }
  return 0;
}

/** The slot of `account` with the 32-byte key at `key`, 0 when it is clear. */
export function findSlot(account: usize, key: usize): usize {
  let at: usize = load<u32>(slotBucket(account, key));
  while (at != 0) {
    if (kindOf(at) == SLOT && ownerOf(at) == account && sameWords(slotKeyOf(at), key, KEY_WORDS)) return at;
    at = chainOf(at);
  }
  return 0;
}

export function addToIndex(leaf: usize): void {
  records++;
  if (records > baseBuckets + splitBuckets) splitBucket();
  const slot = bucketFor(hashOfLeaf(leaf));
  setChain(leaf, load<u32>(slot));
  store<u32>(slot, leaf);
}

function splitBucket(): void {
  const added = baseBuckets + splitBuckets;
  if (added % SEGMENT_BUCKETS == 0) addSegment(added / SEGMENT_BUCKETS);
  const from = bucketSlot(splitBuckets);
  const to = bucketSlot(added);
  let at: usize = load<u32>(from);
  store<u32>(from, 0);
  while (at != 0) {
    const next = chainOf(at);
    const slot = (hashOfLeaf(at) & baseBuckets) == 0 ? from : to;
    setChain(at, load<u32>(slot));
    store<u32>(slot, at);
    at = next;
  }
  splitBuckets++;
  if (splitBuckets == baseBuckets) {
    baseBuckets *= 2;
    splitBuckets = 0;
  }
}

export function removeFromIndex(leaf: usize): void {
  records--;
  const slot = bucketFor(hashOfLeaf(leaf));
  let at: usize = load<u32>(slot);
  if (at == leaf) {
    store<u32>(slot, chainOf(leaf));
    return;
  }
  while (chainOf(at) != leaf) at = chainOf(at);
  setChain(at, chainOf(leaf));
}
