import { ROUND_CONSTANTS, ROUNDS } from './constants';

/*
 * Keccak-f[1600] (FIPS 202, section 3.3) of one state in 25 u64 lanes.
 *
 * A processor has fewer registers than there are lanes. So a round reads them from memory and writes them to other
 * memory, by instructions that load and combine at once; lanes in locals would be spilled and reloaded by instructions
 * of their own.
 *
 * Six lanes are kept inverted ("lane complementing", Keccak implementation overview, section 2.2): by De Morgan's laws 20
 * of the 25 inversions in a round go away then.
 */

const OTHER_STATE: usize = memory.data(200, 64);

/** Permutes the 25 lanes at `state` in place; {@link invertLanes} comes before the first time and after the last. */
export function permute(state: usize): void {
  for (let constant = ROUND_CONSTANTS, end = ROUND_CONSTANTS + ROUNDS * 8; constant < end; constant += 16) {
    round(state, OTHER_STATE, load<u64>(constant));
    round(OTHER_STATE, state, load<u64>(constant, 8));
  }
}

/** To the form that {@link permute} works on, and back. */
export function invertLanes(state: usize): void {
  invert(state + 1 * 8);
  invert(state + 2 * 8);
  invert(state + 8 * 8);
  invert(state + 12 * 8);
  invert(state + 17 * 8);
  invert(state + 20 * 8);
}

@inline
function invert(lane: usize): void {
  store<u64>(lane, ~load<u64>(lane));
}

@inline
function lane(state: usize, index: usize): u64 {
  return load<u64>(state + index * 8);
}

@inline
function setLane(state: usize, index: usize, value: u64): void {
  store<u64>(state + index * 8, value);
}

// prettier-ignore
@inline
function round(from: usize, to: usize, constant: u64): void {
  const c0 = lane(from, 0) ^ lane(from, 5) ^ lane(from, 10) ^ lane(from, 15) ^ lane(from, 20);
  const c1 = lane(from, 1) ^ lane(from, 6) ^ lane(from, 11) ^ lane(from, 16) ^ lane(from, 21);
  const c2 = lane(from, 2) ^ lane(from, 7) ^ lane(from, 12) ^ lane(from, 17) ^ lane(from, 22);
  const c3 = lane(from, 3) ^ lane(from, 8) ^ lane(from, 13) ^ lane(from, 18) ^ lane(from, 23);
  const c4 = lane(from, 4) ^ lane(from, 9) ^ lane(from, 14) ^ lane(from, 19) ^ lane(from, 24);
  const d0 = c4 ^ rotl<u64>(c1, 1);
  const d1 = c0 ^ rotl<u64>(c2, 1);
  const d2 = c1 ^ rotl<u64>(c3, 1);
  const d3 = c2 ^ rotl<u64>(c4, 1);
  const d4 = c3 ^ rotl<u64>(c0, 1);
  let b0 = lane(from, 0) ^ d0;
  let b1 = rotl<u64>(lane(from, 6) ^ d1, 44);
  let b2 = rotl<u64>(lane(from, 12) ^ d2, 43);
  let b3 = rotl<u64>(lane(from, 18) ^ d3, 21);
  let b4 = rotl<u64>(lane(from, 24) ^ d4, 14);
  setLane(to, 0, b0 ^ (b1 | b2) ^ constant);
  setLane(to, 1, b1 ^ (~b2 | b3));
  setLane(to, 2, b2 ^ (b3 & b4));
  setLane(to, 3, b3 ^ (b4 | b0));
  setLane(to, 4, b4 ^ (b0 & b1));
  b0 = rotl<u64>(lane(from, 3) ^ d3, 28);
  b1 = rotl<u64>(lane(from, 9) ^ d4, 20);
  b2 = rotl<u64>(lane(from, 10) ^ d0, 3);
  b3 = rotl<u64>(lane(from, 16) ^ d1, 45);
  b4 = rotl<u64>(lane(from, 22) ^ d2, 61);
  setLane(to, 5, b0 ^ (b1 | b2));
  setLane(to, 6, b1 ^ (b2 & b3));
  setLane(to, 7, b2 ^ (b3 | ~b4));
  setLane(to, 8, b3 ^ (b4 | b0));
  setLane(to, 9, b4 ^ (b0 & b1));
  b0 = rotl<u64>(lane(from, 1) ^ d1, 1);
  b1 = rotl<u64>(lane(from, 7) ^ d2, 6);
  b2 = rotl<u64>(lane(from, 13) ^ d3, 25);
  b3 = rotl<u64>(lane(from, 19) ^ d4, 8);
  b4 = rotl<u64>(lane(from, 20) ^ d0, 18);
  setLane(to, 10, b0 ^ (b1 | b2));
  setLane(to, 11, b1 ^ (b2 & b3));
  setLane(to, 12, b2 ^ (~b3 & b4));
  setLane(to, 13, ~b3 ^ (b4 | b0));
  setLane(to, 14, b4 ^ (b0 & b1));
  b0 = rotl<u64>(lane(from, 4) ^ d4, 27);
  b1 = rotl<u64>(lane(from, 5) ^ d0, 36);
  b2 = rotl<u64>(lane(from, 11) ^ d1, 10);
  b3 = rotl<u64>(lane(from, 17) ^ d2, 15);
  b4 = rotl<u64>(lane(from, 23) ^ d3, 56);
  setLane(to, 15, b0 ^ (b1 & b2));
  setLane(to, 16, b1 ^ (b2 | b3));
  setLane(to, 17, b2 ^ (~b3 | b4));
  setLane(to, 18, ~b3 ^ (b4 & b0));
  setLane(to, 19, b4 ^ (b0 | b1));
  b0 = rotl<u64>(lane(from, 2) ^ d2, 62);
  b1 = rotl<u64>(lane(from, 8) ^ d3, 55);
  b2 = rotl<u64>(lane(from, 14) ^ d4, 39);
  b3 = rotl<u64>(lane(from, 15) ^ d0, 41);
  b4 = rotl<u64>(lane(from, 21) ^ d1, 2);
  setLane(to, 20, b0 ^ (~b1 & b2));
  setLane(to, 21, ~b1 ^ (b2 | b3));
  setLane(to, 22, b2 ^ (b3 & b4));
  setLane(to, 23, b3 ^ (b4 | b0));
  setLane(to, 24, b4 ^ (b0 & b1));
}
