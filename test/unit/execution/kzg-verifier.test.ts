import { bls12_381 } from '@noble/curves/bls12-381.js';
import { expect, test } from 'vitest';
import { kzgVerifier } from '../../../src/execution/ethereumjs/kzg-verifier.ts';

const { G1 } = bls12_381;
const scalar = (value: number) => value.toString(16).padStart(64, '0');
const INFINITY = G1.Point.ZERO.toHex(true);
/** Commits to the polynomial that is 5 everywhere; its proof at any point is the point at infinity. */
const CONSTANT_5 = G1.Point.BASE.multiply(5n).toHex(true);

test('a constant polynomial has its value everywhere and no other', () => {
  expect(kzgVerifier.verifyProof(CONSTANT_5, scalar(77), scalar(5), INFINITY)).toBe(true);
  expect(kzgVerifier.verifyProof(`0x${CONSTANT_5}`, `0x${scalar(0)}`, `0x${scalar(5)}`, `0x${INFINITY}`)).toBe(true);
  expect(kzgVerifier.verifyProof(CONSTANT_5, scalar(77), scalar(6), INFINITY)).toBe(false);
  expect(kzgVerifier.verifyProof(CONSTANT_5, scalar(77), scalar(5), CONSTANT_5)).toBe(false);
});

test('what is no field element or no point is refused in the words the precompile looks for', () => {
  const order = bls12_381.fields.Fr.ORDER.toString(16);
  expect(() => kzgVerifier.verifyProof(CONSTANT_5, order, scalar(5), INFINITY)).toThrow('C_KZG_BADARGS');
  expect(() => kzgVerifier.verifyProof('ff'.repeat(48), scalar(1), scalar(5), INFINITY)).toThrow('C_KZG_BADARGS');
});
