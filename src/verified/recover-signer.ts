import { secp256k1 } from '@noble/curves/secp256k1.js';
import type { Address, Hash } from '../protocol/primitives.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { isHighS, SIGNATURE_BYTES, type Signature } from '../util/signature.ts';

/**
 * The address that signed `digest`, without native code.
 * @throws StrobeError INVALID_SIGNATURE for a wrong length, high s, bad parity, or a point that does not exist
 */
export function recoverSigner(digest: Hash, signature: Signature): Address {
  const parity = signature[64];
  if (signature.length !== SIGNATURE_BYTES || parity === undefined || parity > 1 || isHighS(signature.subarray(32, 64))) {
    throw new StrobeError('INVALID_SIGNATURE', 'a signature has 65 bytes with a low s, and a yParity of 0 or 1');
  }
  try {
    const point = secp256k1.Signature.fromBytes(signature.subarray(0, 64), 'compact')
      .addRecoveryBit(parity)
      .recoverPublicKey(digest);
    return keccak256(point.toBytes(false).subarray(1)).slice(12);
  } catch (cause) {
    throw new StrobeError('INVALID_SIGNATURE', 'no public key recovers from this signature', {}, { cause });
  }
}
