/**
 * Keccak-f[1600] (FIPS 202, section 3.3), written once for one state in 25 u64 lanes and for two states side by side in
 * 25 v128 lanes. Rounds are unrolled two at a time, so that lanes change between the names a.. and e.. without copies.
 */
const ROUNDS: i32 = 24;

// prettier-ignore
const ROUND_CONSTANTS: usize = memory.data<u64>([
  0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
  0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
  0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
  0x000000000000800a, 0x800000008000000a, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
]);

@inline
function xor<Lane>(a: Lane, b: Lane): Lane {
  if (isVector<Lane>()) return v128.xor(a, b);
  // @ts-ignore: the scalar instance
  return a ^ b;
}

/** a without the bits of b. */
@inline
function andNot<Lane>(a: Lane, b: Lane): Lane {
  if (isVector<Lane>()) return v128.andnot(a, b);
  // @ts-ignore: the scalar instance
  return a & ~b;
}

@inline
function rotl<Lane>(a: Lane, bits: i32): Lane {
  if (isVector<Lane>()) return v128.or(i64x2.shl(a, bits), i64x2.shr_u(a, 64 - bits));
  // @ts-ignore: the scalar instance
  return (a << bits) | (a >>> (64 - bits));
}

@inline
function splatConstant<Lane>(at: usize): Lane {
  if (isVector<Lane>()) return v128.load_splat<u64>(at);
  return load<Lane>(at);
}

/** Permutes the 25 lanes at `state` in place; `Lane` is u64 or v128. */
// prettier-ignore
export function permute<Lane>(state: usize): void {
  let a00 = load<Lane>(state + sizeof<Lane>() * 0);
  let a01 = load<Lane>(state + sizeof<Lane>() * 1);
  let a02 = load<Lane>(state + sizeof<Lane>() * 2);
  let a03 = load<Lane>(state + sizeof<Lane>() * 3);
  let a04 = load<Lane>(state + sizeof<Lane>() * 4);
  let a05 = load<Lane>(state + sizeof<Lane>() * 5);
  let a06 = load<Lane>(state + sizeof<Lane>() * 6);
  let a07 = load<Lane>(state + sizeof<Lane>() * 7);
  let a08 = load<Lane>(state + sizeof<Lane>() * 8);
  let a09 = load<Lane>(state + sizeof<Lane>() * 9);
  let a10 = load<Lane>(state + sizeof<Lane>() * 10);
  let a11 = load<Lane>(state + sizeof<Lane>() * 11);
  let a12 = load<Lane>(state + sizeof<Lane>() * 12);
  let a13 = load<Lane>(state + sizeof<Lane>() * 13);
  let a14 = load<Lane>(state + sizeof<Lane>() * 14);
  let a15 = load<Lane>(state + sizeof<Lane>() * 15);
  let a16 = load<Lane>(state + sizeof<Lane>() * 16);
  let a17 = load<Lane>(state + sizeof<Lane>() * 17);
  let a18 = load<Lane>(state + sizeof<Lane>() * 18);
  let a19 = load<Lane>(state + sizeof<Lane>() * 19);
  let a20 = load<Lane>(state + sizeof<Lane>() * 20);
  let a21 = load<Lane>(state + sizeof<Lane>() * 21);
  let a22 = load<Lane>(state + sizeof<Lane>() * 22);
  let a23 = load<Lane>(state + sizeof<Lane>() * 23);
  let a24 = load<Lane>(state + sizeof<Lane>() * 24);
  let e00: Lane, e01: Lane, e02: Lane, e03: Lane, e04: Lane;
  let e05: Lane, e06: Lane, e07: Lane, e08: Lane, e09: Lane;
  let e10: Lane, e11: Lane, e12: Lane, e13: Lane, e14: Lane;
  let e15: Lane, e16: Lane, e17: Lane, e18: Lane, e19: Lane;
  let e20: Lane, e21: Lane, e22: Lane, e23: Lane, e24: Lane;
  let c0: Lane, c1: Lane, c2: Lane, c3: Lane, c4: Lane, d0: Lane, d1: Lane, d2: Lane, d3: Lane, d4: Lane;
  let b0: Lane, b1: Lane, b2: Lane, b3: Lane, b4: Lane;
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
    e00 = xor(xor(b0, andNot(b2, b1)), splatConstant<Lane>(constant));
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
    a00 = xor(xor(b0, andNot(b2, b1)), splatConstant<Lane>(constant + 8));
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
  store<Lane>(state + sizeof<Lane>() * 0, a00);
  store<Lane>(state + sizeof<Lane>() * 1, a01);
  store<Lane>(state + sizeof<Lane>() * 2, a02);
  store<Lane>(state + sizeof<Lane>() * 3, a03);
  store<Lane>(state + sizeof<Lane>() * 4, a04);
  store<Lane>(state + sizeof<Lane>() * 5, a05);
  store<Lane>(state + sizeof<Lane>() * 6, a06);
  store<Lane>(state + sizeof<Lane>() * 7, a07);
  store<Lane>(state + sizeof<Lane>() * 8, a08);
  store<Lane>(state + sizeof<Lane>() * 9, a09);
  store<Lane>(state + sizeof<Lane>() * 10, a10);
  store<Lane>(state + sizeof<Lane>() * 11, a11);
  store<Lane>(state + sizeof<Lane>() * 12, a12);
  store<Lane>(state + sizeof<Lane>() * 13, a13);
  store<Lane>(state + sizeof<Lane>() * 14, a14);
  store<Lane>(state + sizeof<Lane>() * 15, a15);
  store<Lane>(state + sizeof<Lane>() * 16, a16);
  store<Lane>(state + sizeof<Lane>() * 17, a17);
  store<Lane>(state + sizeof<Lane>() * 18, a18);
  store<Lane>(state + sizeof<Lane>() * 19, a19);
  store<Lane>(state + sizeof<Lane>() * 20, a20);
  store<Lane>(state + sizeof<Lane>() * 21, a21);
  store<Lane>(state + sizeof<Lane>() * 22, a22);
  store<Lane>(state + sizeof<Lane>() * 23, a23);
  store<Lane>(state + sizeof<Lane>() * 24, a24);
}
