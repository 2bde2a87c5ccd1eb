import { bls12_381 } from '@noble/curves/bls12-381.js';
import { expect, it } from 'vitest';
import { pointEvaluation } from '../../../src/prover-stub/point-evaluation.ts';

const { G1 } = bls12_381;
const hex = (scalar: number): string => `0x${scalar.toString(16).padStart(64, '0')}`;
const multiple = (scalar: bigint): string => `0x${G1.Point.BASE.multiply(scalar).toHex(true)}`;
const INFINITY = `0x${G1.Point.ZERO.toHex(true)}`;

it('accepts the value of a polynomial that is 5 everywhere, and refuses another value and another proof', () => {
  const commitment = multiple(5n);
  expect(pointEvaluation.verifyProof(commitment, hex(77), hex(5), INFINITY)).toBe(true);
  expect(pointEvaluation.verifyProof(commitment, hex(0), hex(5), INFINITY)).toBe(true);
  expect(pointEvaluation.verifyProof(commitment, hex(77), hex(6), INFINITY)).toBe(false);
  expect(pointEvaluation.verifyProof(commitment, hex(77), hex(5), multiple(1n))).toBe(false);
});

it('accepts the vector of EIP-4844 that execution clients test their precompile with', () => {
  const commitment = '0x8f59a8d2a1a625a17f3fea0fe5eb8c896db3764f3185481bc22f91b4aaffcca25f26936857bc3a7c2539ea8ec3a952b7';
  const proof = '0x873033e038326e87ed3e1276fd140253fa08e9fc25fb2d9a98527fc22a2c9612fbeafdad446cbc7bcdbdcd780af2c16a';
  const z = '0x564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306';
  const y = '0x24d25032e67a7e6a4910df5834b8fe70e6bcfeeac0352434196bdf4b2485d5a1';
  expect(pointEvaluation.verifyProof(commitment, z, y, proof)).toBe(true);
  expect(pointEvaluation.verifyProof(commitment, y, z, proof)).toBe(false);
});

it('names bad input in the words that the library looks for', () => {
  const order = `0x${bls12_381.fields.Fr.ORDER.toString(16)}`;
  expect(() => pointEvaluation.verifyProof(multiple(5n), order, hex(5), INFINITY)).toThrow('C_KZG_BADARGS');
  expect(() => pointEvaluation.verifyProof(`0x${'ff'.repeat(48)}`, hex(1), hex(5), INFINITY)).toThrow('C_KZG_BADARGS');
});
