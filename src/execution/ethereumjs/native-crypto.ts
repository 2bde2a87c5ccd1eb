import { createHash } from 'node:crypto';
import type { CustomCrypto } from '@ethereumjs/common';
import secp256k1 from 'secp256k1';
import { type Bytes, padTo32 } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { keccak256 } from '../../util/keccak.ts';
import { kzgVerifier } from './kzg-verifier.ts';

/** The `v` of the ECRECOVER precompile and of unprotected signatures. */
const V_BASE = 27n;

/**
 * Native and WebAssembly primitives in place of the library's JavaScript ones: ecrecover 70 µs instead of 1.35 ms,
 * keccak 0.8 µs instead of 5 µs. Each keccak answers a fresh array, since the library's bloom reads the hash's buffer
 * from its first byte and would misread a pooled one.
 */
export const NATIVE_CRYPTO: CustomCrypto = {
  keccak256,
  sha256: (data) => new Uint8Array(createHash('sha256').update(data).digest()),
  ecrecover: (digest, v, r, s) => recoverPublicKey(digest, Number(v - V_BASE), r, s),
  kzg: kzgVerifier,
};

/** @returns 64 bytes, without the 0x04 prefix */
function recoverPublicKey(digest: Bytes, parity: number, r: Bytes, s: Bytes): Bytes {
  if (parity !== 0 && parity !== 1) throw new StrobeError('INVALID_SIGNATURE', 'v is 27 or 28');
  const signature = new Uint8Array(64);
  signature.set(padTo32(r));
  signature.set(padTo32(s), 32);
  return secp256k1.ecdsaRecover(signature, parity, new Uint8Array(digest), false).subarray(1);
}
