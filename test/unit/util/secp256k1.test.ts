import fc from 'fast-check';
import { privateKeyToAccount, sign } from 'viem/accounts';
import { describe, expect, test } from 'vitest';
import { bigIntToBytes32, bytesToBigInt, concatBytes, toHex } from '../../../src/util/bytes.ts';
import { privateKeyToAddress, recoverAddress, signDigest } from '../../../src/util/secp256k1.ts';
import { isHighS, joinSignature } from '../../../src/util/signature.ts';
import { hash } from '../../support/arbitraries.ts';
import { runs } from '../../support/property-runs.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';
import { testAccount } from '../../support/test-accounts.ts';

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const { address, privateKey } = testAccount('signer');
const digest = new Uint8Array(32).fill(5);

test('signs as viem does, and the signer is recovered', async () => {
  await fc.assert(
    fc.asyncProperty(hash, async (message) => {
      const signature = signDigest(message, privateKey);
      expect(recoverAddress(message, signature)).toEqual(address);
      expect(isHighS(signature.subarray(32, 64))).toBe(false);
      const reference = await sign({ hash: toHex(message), privateKey: toHex(privateKey) });
      expect(toHex(signature.subarray(0, 32))).toBe(reference.r);
      expect(toHex(signature.subarray(32, 64))).toBe(reference.s);
      expect(signature[64]).toBe(reference.yParity);
    }),
    runs(20),
  );
  expect(toHex(address)).toBe(privateKeyToAccount(toHex(privateKey)).address.toLowerCase());
});

describe('recovery refuses', () => {
  const signature = signDigest(digest, privateKey);
  const codeOf = (bytes: Uint8Array): string => strobeCodeOf(() => recoverAddress(digest, bytes));

  test('the malleable twin of a signature', () => {
    const s = bytesToBigInt(signature.subarray(32, 64));
    const twin = concatBytes(signature.subarray(0, 32), bigIntToBytes32(ORDER - s), Uint8Array.of(1 - (signature[64] as number)));
    expect(codeOf(signature)).toBe('no error');
    expect(codeOf(twin)).toBe('INVALID_SIGNATURE');
  });

  test('another length, another parity, numbers outside of the group', () => {
    expect(codeOf(signature.subarray(0, 64))).toBe('INVALID_SIGNATURE');
    expect(codeOf(concatBytes(signature, Uint8Array.of(0)))).toBe('INVALID_SIGNATURE');
    for (const parity of [2, 27, 28, 255]) expect(codeOf(signature.with(64, parity))).toBe('INVALID_SIGNATURE');
    const parts = (r: bigint, s: bigint) => concatBytes(bigIntToBytes32(r), bigIntToBytes32(s), Uint8Array.of(0));
    for (const [r, s] of [
      [0n, 1n],
      [1n, 0n],
      [ORDER, 1n],
      [1n, ORDER],
    ] as const)
      expect(codeOf(parts(r, s))).toBe('INVALID_SIGNATURE');
    expect(strobeCodeOf(() => recoverAddress(digest.subarray(1), signature))).toBe('INVALID_SIGNATURE');
  });

  test('s is high from just above half the order on', () => {
    expect(isHighS(bigIntToBytes32(ORDER / 2n))).toBe(false);
    expect(isHighS(bigIntToBytes32(ORDER / 2n + 1n))).toBe(true);
    expect(isHighS(bigIntToBytes32(0n))).toBe(false);
    expect(isHighS(new Uint8Array(32).fill(255))).toBe(true);
  });
});

test('a private key is between 1 and the order', () => {
  for (const key of [new Uint8Array(32), bigIntToBytes32(ORDER), new Uint8Array(31).fill(1), new Uint8Array(33).fill(1)]) {
    expect(strobeCodeOf(() => privateKeyToAddress(key))).toBe('INVALID_PRIVATE_KEY');
  }
  expect(toHex(privateKeyToAddress(bigIntToBytes32(1n)))).toBe('0x7e5f4552091a69125d5dfcb7b8c2659029395bdf');
});

test('the parts of a signature join with their leading zeros', () => {
  const joined = joinSignature(Uint8Array.of(1), Uint8Array.of(2, 3), 1);
  expect(joined).toEqual(concatBytes(bigIntToBytes32(1n), bigIntToBytes32(0x203n), Uint8Array.of(1)));
});
