import type { CustomCrypto } from '@ethereumjs/common';
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { StrobeError } from '../util/errors.ts';

const { G1, G2, fields } = bls12_381;
type PointG1 = typeof G1.Point.ZERO;
type PointG2 = typeof G2.Point.ZERO;

/** [τ]₂, the one point of the trusted setup that a verifier needs (EIP-4844, KZG_SETUP_G2[1]). */
const SETUP_G2_1 = G2.Point.fromHex(
  'b5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72' +
    '185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2',
);

/** What the point evaluation precompile calls of the library's KZG interface; blob transactions do not exist here. */
export const pointEvaluation = { verifyProof } as NonNullable<CustomCrypto['kzg']>;

/**
 * EIP-4844 `verify_kzg_proof`: e(C - [y]₁, -[1]₂) · e(π, [τ]₂ - [z]₂) = 1, all arguments in hex. The library tells bad
 * input from a failure by the name of c-kzg's error in the message.
 */
function verifyProof(commitment: string, z: string, y: string, proof: string): boolean {
  const difference = readPoint(commitment).subtract(timesG1(readScalar(y)));
  const shifted = SETUP_G2_1.subtract(timesG2(readScalar(z)));
  const quotient = readPoint(proof);
  const pairs: { g1: PointG1; g2: PointG2 }[] = [];
  // A pair with the point at infinity contributes the factor one.
  if (!difference.is0()) pairs.push({ g1: difference, g2: G2.Point.BASE.negate() });
  if (!quotient.is0() && !shifted.is0()) pairs.push({ g1: quotient, g2: shifted });
  return pairs.length === 0 || fields.Fp12.eql(bls12_381.pairingBatch(pairs), fields.Fp12.ONE);
}

function timesG1(scalar: bigint): PointG1 {
  return scalar === 0n ? G1.Point.ZERO : G1.Point.BASE.multiply(scalar);
}

function timesG2(scalar: bigint): PointG2 {
  return scalar === 0n ? G2.Point.ZERO : G2.Point.BASE.multiply(scalar);
}

function readScalar(hex: string): bigint {
  const value = BigInt(hex);
  if (value >= fields.Fr.ORDER) throw badArguments('a field element is not canonical');
  return value;
}

function readPoint(hex: string): PointG1 {
  try {
    const point = G1.Point.fromHex(hex.replace(/^0x/, ''));
    // On the curve and in the subgroup; infinity is a valid commitment and proof.
    if (!point.is0()) point.assertValidity();
    return point;
  } catch (cause) {
    throw badArguments('a point is not valid', cause);
  }
}

function badArguments(message: string, cause?: unknown): StrobeError<'INVALID_KZG_INPUT'> {
  return new StrobeError('INVALID_KZG_INPUT', `C_KZG_BADARGS: ${message}`, {}, { cause });
}
