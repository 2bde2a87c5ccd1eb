import { expect, test } from 'vitest';
import { keccak256 } from '../../../src/util/keccak.ts';
import { recoverAddress } from '../../../src/util/secp256k1.ts';
import { recoverSigner } from '../../../src/verified/recover-signer.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';
import { testSigner } from '../../support/test-accounts.ts';

const digest = keccak256(Uint8Array.of(1));

test('recovers what the native code recovers', () => {
  for (let i = 0; i < 20; i++) {
    const signer = testSigner(`${i}`);
    const signature = signer.sign(digest);
    expect(recoverSigner(digest, signature)).toEqual(signer.address);
    const other = keccak256(Uint8Array.of(i, i));
    expect(recoverSigner(other, signature)).toEqual(recoverAddress(other, signature));
  }
});

test('refuses what the native code refuses', () => {
  const good = testSigner('0').sign(digest);
  const edited = (edit: (signature: Uint8Array) => void): Uint8Array => {
    const signature = good.slice();
    edit(signature);
    return signature;
  };
  const wrong = [
    good.subarray(0, 64),
    new Uint8Array(65),
    edited((signature) => signature.fill(2, 64)),
    edited((signature) => signature.fill(0xff, 32, 64)),
    edited((signature) => signature.fill(0xff, 0, 32)),
    edited((signature) => signature.fill(0, 0, 32)),
  ];
  for (const signature of wrong) {
    expect(strobeCodeOf(() => recoverSigner(digest, signature))).toBe('INVALID_SIGNATURE');
    expect(strobeCodeOf(() => recoverAddress(digest, signature))).toBe('INVALID_SIGNATURE');
  }
});
