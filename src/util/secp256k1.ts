import secp256k1 from 'secp256k1';
import type { Bytes } from './bytes.ts';
import { StrobeError } from './errors.ts';
import { keccak256 } from './keccak.ts';

/** Half of the curve order: signatures with a larger s are malleable twins and refused (EIP-2). */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

/** 65 bytes: r (32) ‖ s (32, low) ‖ yParity (0 or 1). */
export type Signature = Bytes;
export const SIGNATURE_BYTES = 65;

/** Signs a 32-byte digest deterministically (RFC 6979); s is low. */
export function signDigest(digest: Bytes, privateKey: Bytes): Signature {
  const { signature, recid } = secp256k1.ecdsaSign(digest, privateKey);
  const out = new Uint8Array(SIGNATURE_BYTES);
  out.set(signature);
  out[64] = recid;
  return out;
}

/**
 * The address that signed `digest`.
 * @throws StrobeError INVALID_SIGNATURE for a wrong length, high s, bad parity, or a point that does not exist
 */
export function recoverAddress(digest: Bytes, signature: Signature): Bytes {
  if (signature.length !== SIGNATURE_BYTES) throw invalid('a signature has 65 bytes');
  const parity = signature[64] as number;
  if (parity > 1) throw invalid('yParity is 0 or 1');
  const s = signature.subarray(32, 64);
  if (isHighS(s)) throw invalid('s is above half the curve order');
  return addressOf(recoverPublicKey(digest, signature.subarray(0, 64), parity));
}

function recoverPublicKey(digest: Bytes, rs: Bytes, parity: number): Bytes {
  try {
    return secp256k1.ecdsaRecover(rs, parity, digest, false);
  } catch (cause) {
    throw invalid('no public key recovers from this signature', cause);
  }
}

/** True when the big-endian 32-byte `s` is above half the curve order. */
export function isHighS(s: Bytes): boolean {
  // The first byte decides nearly always; only the boundary needs the full comparison.
  const first = s[0] as number;
  if (first < 0x7f) return false;
  return BigInt(`0x${Buffer.from(s).toString('hex')}`) > HALF_ORDER;
}

/** Address of an uncompressed public key (65 bytes, 0x04 first). */
function addressOf(publicKey: Bytes): Bytes {
  return keccak256(publicKey.subarray(1)).slice(12);
}

/** @throws StrobeError INVALID_PRIVATE_KEY */
export function privateKeyToAddress(privateKey: Bytes): Bytes {
  if (privateKey.length !== 32 || !secp256k1.privateKeyVerify(privateKey)) {
    throw new StrobeError('INVALID_PRIVATE_KEY', 'a private key is 32 bytes between 1 and the curve order');
  }
  return addressOf(secp256k1.publicKeyCreate(privateKey, false));
}

function invalid(message: string, cause?: unknown): StrobeError<'INVALID_SIGNATURE'> {
  return new StrobeError('INVALID_SIGNATURE', message, {}, cause === undefined ? undefined : { cause });
}

/** Joins the parts of a signature that travel apart in transactions: r and s big-endian, at most 32 bytes. */
export function joinSignature(r: Bytes, s: Bytes, yParity: number): Signature {
  const out = new Uint8Array(SIGNATURE_BYTES);
  out.set(r, 32 - r.length);
  out.set(s, 64 - s.length);
  out[64] = yParity;
  return out;
}
