import type { CustomCrypto } from '@ethereumjs/common';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { StrobeError } from '../../util/errors.ts';

const { G1, G2, fields } = bls12_381;
type G1Point = typeof G1.Point.ZERO;
type G2Point = typeof G2.Point.ZERO;

/** [τ]G2 of the KZG ceremony (EIP-4844 trusted setup): all that checking a proof needs of it. */
const TAU_G2 = G2.Point.fromHex(
  'b5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72' +
    '185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2',
);

/**
 * The library calls no other function of its KZG interface from the point evaluation precompile, and blob
 * transactions, which need the rest, are not accepted here.
 */
export const kzgVerifier = { verifyProof } as NonNullable<CustomCrypto['kzg']>;

/**
 * True when `proof` shows that the polynomial behind `commitment` is `y` at `z` (EIP-4844):
 * e(commitment - [y]G1, G2) = e(proof, [τ]G2 - [z]G2). Arguments are hex with or without prefix.
 * @throws StrobeError INVALID_KZG_INPUT for a field element or point that is none
 */
function verifyProof(commitment: string, z: string, y: string, proof: string): boolean {
  const negatedY = fields.Fr.neg(fieldElement(y));
  const negatedZ = fields.Fr.neg(fieldElement(z));
  const left = point(commitment).add(multiple(G1.Point, negatedY));
  const right = TAU_G2.add(multiple(G2.Point, negatedZ));
  const pairs = [
    { g1: left.negate(), g2: G2.Point.BASE },
    { g1: point(proof), g2: right },
  ];
  // A pairing with the point at infinity is one, and the library refuses to compute it.
  const factors = pairs.filter(({ g1, g2 }) => !g1.is0() && !g2.is0());
  if (factors.length === 0) return true;
  return fields.Fp12.eql(bls12_381.pairingBatch(factors), fields.Fp12.ONE);
}

function multiple<Point extends G1Point | G2Point>(curve: { BASE: Point; ZERO: Point }, scalar: bigint): Point {
  return scalar === 0n ? curve.ZERO : (curve.BASE.multiply(scalar) as Point);
}

function fieldElement(hex: string): bigint {
  const value = BigInt(hex.startsWith('0x') ? hex : `0x${hex}`);
  if (value >= fields.Fr.ORDER) throw invalidInput('a scalar is not below the field order');
  return value;
}

function point(hex: string): G1Point {
  try {
    const decoded = G1.Point.fromHex(hex.startsWith('0x') ? hex.slice(2) : hex);
    if (!decoded.is0()) decoded.assertValidity();
    return decoded;
  } catch (cause) {
    throw invalidInput('a point is malformed', cause);
  }
}

/** The library recognises bad input by this word of c-kzg in the message. */
function invalidInput(message: string, cause?: unknown): StrobeError<'INVALID_KZG_INPUT'> {
  return new StrobeError('INVALID_KZG_INPUT', `C_KZG_BADARGS: ${message}`, {}, { cause });
}
