import secp256k1 from 'secp256k1';
import type { Bytes } from './bytes.ts';
import { StrobeError } from './errors.ts';
import { keccak256 } from './keccak.ts';
import { isHighS, SIGNATURE_BYTES, type Signature } from './signature.ts';

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
