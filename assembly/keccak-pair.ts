import { ROUND_CONSTANTS, ROUNDS } from './constants';

/*
 * Keccak-f[1600] (FIPS 202, section 3.3) of two states side by side in 25 v128 lanes. Rounds are unrolled two at a time,
 * so that lanes change between the names a.. and e.. without copies.
 */

@inline
function xor(a: v128, b: v128): v128 {
  return v128.xor(a, b);
}

/** a without the bits of b. */
@inline
function andNot(a: v128, b: v128): v128 {
  return v128.andnot(a, b);
}

@inline
function rotl(a: v128, bits: i32): v128 {
  return v128.or(i64x2.shl(a, bits), i64x2.shr_u(a, 64 - bits));
}

/** Permutes the two states at `state` in place. */
// prettier-ignore
export function permutePair(state: usize): void {
  let a00 = v128.load(state, 0);
  let a01 = v128.load(state, 16);
  let a02 = v128.load(state, 32);
  let a03 = v128.load(state, 48);
  let a04 = v128.load(state, 64);
  let a05 = v128.load(state, 80);
  let a06 = v128.load(state, 96);
  let a07 = v128.load(state, 112);
  let a08 = v128.load(state, 128);
  let a09 = v128.load(state, 144);
  let a10 = v128.load(state, 160);
  let a11 = v128.load(state, 176);
  let a12 = v128.load(state, 192);
  let a13 = v128.load(state, 208);
  let a14 = v128.load(state, 224);
  let a15 = v128.load(state, 240);
  let a16 = v128.load(state, 256);
  let a17 = v128.load(state, 272);
  let a18 = v128.load(state, 288);
  let a19 = v128.load(state, 304);
  let a20 = v128.load(state, 320);
  let a21 = v128.load(state, 336);
  let a22 = v128.load(state, 352);
  let a23 = v128.load(state, 368);
  let a24 = v128.load(state, 384);
  let e00: v128, e01: v128, e02: v128, e03: v128, e04: v128;
  let e05: v128, e06: v128, e07: v128, e08: v128, e09: v128;
  let e10: v128, e11: v128, e12: v128, e13: v128, e14: v128;
  let e15: v128, e16: v128, e17: v128, e18: v128, e19: v128;
  let e20: v128, e21: v128, e22: v128, e23: v128, e24: v128;
  let c0: v128, c1: v128, c2: v128, c3: v128, c4: v128, d0: v128, d1: v128, d2: v128, d3: v128, d4: v128;
  let b0: v128, b1: v128, b2: v128, b3: v128, b4: v128;
  for (let constant = ROUND_CONSTANTS, end = ROUND_CONSTANTS + ROUNDS * 8; constant < end; constant += 16) {
    c0 = xor(xor(xor(xor(a00, a05), a10), a15), a20);
    c1 = xor(xor(xor(xor(a01, a06), a11), a16), a21);
    c2 = xor(xor(xor(xor(a02, a07), a12), a17), a22);
    c3 = xor(xor(xor(xor(a03, a08), a13), a18), a23);
    c4 = xor(xor(xor(xor(a04, a09), a14), a19), a24);
    d0 = xor(c4, rotl(c1, 1));
    d1 = xor(c0, rotl(c2, 1));
    d2 = xor(c1, rotl(c3, 1));
    d3 = xor(c2, rotl(c4, 1));
    d4 = xor(c3, rotl(c0, 1));
    b0 = xor(a00, d0);
    b1 = rotl(xor(a06, d1), 44);
    b2 = rotl(xor(a12, d2), 43);
    b3 = rotl(xor(a18, d3), 21);
    b4 = rotl(xor(a24, d4), 14);
    e00 = xor(xor(b0, andNot(b2, b1)), v128.load_splat<u64>(constant));
    e01 = xor(b1, andNot(b3, b2));
    e02 = xor(b2, andNot(b4, b3));
    e03 = xor(b3, andNot(b0, b4));
    e04 = xor(b4, andNot(b1, b0));
    b0 = rotl(xor(a03, d3), 28);
    b1 = rotl(xor(a09, d4), 20);
    b2 = rotl(xor(a10, d0), 3);
    b3 = rotl(xor(a16, d1), 45);
    b4 = rotl(xor(a22, d2), 61);
    e05 = xor(b0, andNot(b2, b1));
    e06 = xor(b1, andNot(b3, b2));
    e07 = xor(b2, andNot(b4, b3));
    e08 = xor(b3, andNot(b0, b4));
    e09 = xor(b4, andNot(b1, b0));
    b0 = rotl(xor(a01, d1), 1);
    b1 = rotl(xor(a07, d2), 6);
    b2 = rotl(xor(a13, d3), 25);
    b3 = rotl(xor(a19, d4), 8);
    b4 = rotl(xor(a20, d0), 18);
    e10 = xor(b0, andNot(b2, b1));
    e11 = xor(b1, andNot(b3, b2));
    e12 = xor(b2, andNot(b4, b3));
    e13 = xor(b3, andNot(b0, b4));
    e14 = xor(b4, andNot(b1, b0));
    b0 = rotl(xor(a04, d4), 27);
    b1 = rotl(xor(a05, d0), 36);
    b2 = rotl(xor(a11, d1), 10);
    b3 = rotl(xor(a17, d2), 15);
    b4 = rotl(xor(a23, d3), 56);
    e15 = xor(b0, andNot(b2, b1));
    e16 = xor(b1, andNot(b3, b2));
    e17 = xor(b2, andNot(b4, b3));
    e18 = xor(b3, andNot(b0, b4));
    e19 = xor(b4, andNot(b1, b0));
    b0 = rotl(xor(a02, d2), 62);
    b1 = rotl(xor(a08, d3), 55);
    b2 = rotl(xor(a14, d4), 39);
    b3 = rotl(xor(a15, d0), 41);
    b4 = rotl(xor(a21, d1), 2);
    e20 = xor(b0, andNot(b2, b1));
    e21 = xor(b1, andNot(b3, b2));
    e22 = xor(b2, andNot(b4, b3));
    e23 = xor(b3, andNot(b0, b4));
    e24 = xor(b4, andNot(b1, b0));

    c0 = xor(xor(xor(xor(e00, e05), e10), e15), e20);
    c1 = xor(xor(xor(xor(e01, e06), e11), e16), e21);
    c2 = xor(xor(xor(xor(e02, e07), e12), e17), e22);
    c3 = xor(xor(xor(xor(e03, e08), e13), e18), e23);
    c4 = xor(xor(xor(xor(e04, e09), e14), e19), e24);
    d0 = xor(c4, rotl(c1, 1));
    d1 = xor(c0, rotl(c2, 1));
    d2 = xor(c1, rotl(c3, 1));
    d3 = xor(c2, rotl(c4, 1));
    d4 = xor(c3, rotl(c0, 1));
    b0 = xor(e00, d0);
    b1 = rotl(xor(e06, d1), 44);
    b2 = rotl(xor(e12, d2), 43);
    b3 = rotl(xor(e18, d3), 21);
    b4 = rotl(xor(e24, d4), 14);
    a00 = xor(xor(b0, andNot(b2, b1)), v128.load_splat<u64>(constant, 8));
    a01 = xor(b1, andNot(b3, b2));
    a02 = xor(b2, andNot(b4, b3));
    a03 = xor(b3, andNot(b0, b4));
    a04 = xor(b4, andNot(b1, b0));
    b0 = rotl(xor(e03, d3), 28);
    b1 = rotl(xor(e09, d4), 20);
    b2 = rotl(xor(e10, d0), 3);
    b3 = rotl(xor(e16, d1), 45);
    b4 = rotl(xor(e22, d2), 61);
    a05 = xor(b0, andNot(b2, b1));
    a06 = xor(b1, andNot(b3, b2));
    a07 = xor(b2, andNot(b4, b3));
    a08 = xor(b3, andNot(b0, b4));
    a09 = xor(b4, andNot(b1, b0));
    b0 = rotl(xor(e01, d1), 1);
    b1 = rotl(xor(e07, d2), 6);
    b2 = rotl(xor(e13, d3), 25);
    b3 = rotl(xor(e19, d4), 8);
    b4 = rotl(xor(e20, d0), 18);
    a10 = xor(b0, andNot(b2, b1));
    a11 = xor(b1, andNot(b3, b2));
    a12 = xor(b2, andNot(b4, b3));
    a13 = xor(b3, andNot(b0, b4));
    a14 = xor(b4, andNot(b1, b0));
    b0 = rotl(xor(e04, d4), 27);
    b1 = rotl(xor(e05, d0), 36);
    b2 = rotl(xor(e11, d1), 10);
    b3 = rotl(xor(e17, d2), 15);
    b4 = rotl(xor(e23, d3), 56);
    a15 = xor(b0, andNot(b2, b1));
    a16 = xor(b1, andNot(b3, b2));
    a17 = xor(b2, andNot(b4, b3));
    a18 = xor(b3, andNot(b0, b4));
    a19 = xor(b4, andNot(b1, b0));
    b0 = rotl(xor(e02, d2), 62);
    b1 = rotl(xor(e08, d3), 55);
    b2 = rotl(xor(e14, d4), 39);
    b3 = rotl(xor(e15, d0), 41);
    b4 = rotl(xor(e21, d1), 2);
    a20 = xor(b0, andNot(b2, b1));
    a21 = xor(b1, andNot(b3, b2));
    a22 = xor(b2, andNot(b4, b3));
    a23 = xor(b3, andNot(b0, b4));
    a24 = xor(b4, andNot(b1, b0));
  }
  v128.store(state, a00, 0);
  v128.store(state, a01, 16);
  v128.store(state, a02, 32);
  v128.store(state, a03, 48);
  v128.store(state, a04, 64);
  v128.store(state, a05, 80);
  v128.store(state, a06, 96);
  v128.store(state, a07, 112);
  v128.store(state, a08, 128);
  v128.store(state, a09, 144);
  v128.store(state, a10, 160);
  v128.store(state, a11, 176);
  v128.store(state, a12, 192);
  v128.store(state, a13, 208);
  v128.store(state, a14, 224);
  v128.store(state, a15, 240);
  v128.store(state, a16, 256);
  v128.store(state, a17, 272);
  v128.store(state, a18, 288);
  v128.store(state, a19, 304);
  v128.store(state, a20, 320);
  v128.store(state, a21, 336);
  v128.store(state, a22, 352);
  v128.store(state, a23, 368);
  v128.store(state, a24, 384);
}
