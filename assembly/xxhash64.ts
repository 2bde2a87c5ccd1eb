/*
 * XXH64 with seed 0 (xxHash specification 0.2.0, section "XXH64 algorithm").
 */

const PRIME_1: u64 = 0x9e3779b185ebca87;
const PRIME_2: u64 = 0xc2b2ae3d27d4eb4f;
const PRIME_3: u64 = 0x165667b19e3779f9;
const PRIME_4: u64 = 0x85ebca77c2b2ae63;
const PRIME_5: u64 = 0x27d4eb2f165667c5;
const STRIPE: usize = 32;

const START_A: u64 = PRIME_1 + PRIME_2;
const START_B: u64 = PRIME_2;
const START_C: u64 = 0;
const START_D: u64 = 0 - PRIME_1;

let a: u64 = START_A;
let b: u64 = START_B;
let c: u64 = START_C;
let d: u64 = START_D;
/** Bytes in whole stripes so far. */
let taken: u64 = 0;

/** Takes all whole stripes from `at` to `end`; returns where the rest begins. */
export function takeStripes(at: usize, end: usize): usize {
  // Globals are memory: the loop wants registers.
  let laneA = a;
  let laneB = b;
  let laneC = c;
  let laneD = d;
  const start = at;
  for (; end - at >= STRIPE; at += STRIPE) {
    laneA = mixWord(laneA, load<u64>(at));
    laneB = mixWord(laneB, load<u64>(at, 8));
    laneC = mixWord(laneC, load<u64>(at, 16));
    laneD = mixWord(laneD, load<u64>(at, 24));
  }
  a = laneA;
  b = laneB;
  c = laneC;
  d = laneD;
  taken += at - start;
  return at;
}

/** The hash of all that was taken and of the bytes from `at` to `end`; starts over. */
export function finish(at: usize, end: usize): u64 {
  at = takeStripes(at, end);
  let hash = taken > 0 ? mergeLanes() : PRIME_5;
  hash += taken + (end - at);
  for (; end - at >= 8; at += 8) hash = rotl<u64>(hash ^ mixWord(0, load<u64>(at)), 27) * PRIME_1 + PRIME_4;
  if (end - at >= 4) {
    hash = rotl<u64>(hash ^ (<u64>load<u32>(at) * PRIME_1), 23) * PRIME_2 + PRIME_3;
    at += 4;
  }
  for (; at < end; at++) hash = rotl<u64>(hash ^ (<u64>load<u8>(at) * PRIME_5), 11) * PRIME_1;
  startOver();
  return avalanche(hash);
}

@inline
function mixWord(lane: u64, word: u64): u64 {
  return rotl<u64>(lane + word * PRIME_2, 31) * PRIME_1;
}

function mergeLanes(): u64 {
  let hash = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18);
  hash = mergeLane(hash, a);
  hash = mergeLane(hash, b);
  hash = mergeLane(hash, c);
  return mergeLane(hash, d);
}

@inline
function mergeLane(hash: u64, lane: u64): u64 {
  return (hash ^ mixWord(0, lane)) * PRIME_1 + PRIME_4;
}

@inline
function avalanche(hash: u64): u64 {
  hash = (hash ^ (hash >>> 33)) * PRIME_2;
  hash = (hash ^ (hash >>> 29)) * PRIME_3;
  return hash ^ (hash >>> 32);
}

function startOver(): void {
  a = START_A;
  b = START_B;
  c = START_C;
  d = START_D;
  taken = 0;
}
