import { type Bytes, bytesEqual } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { recoverAddress, signDigest } from '../util/secp256k1.ts';
import type { Signature } from '../util/signature.ts';
import type { Address, Hash } from './primitives.ts';

/** Holder of a private key that signs protocol messages. */
export interface Signer {
  readonly address: Address;
  /** Signature over a 32-byte digest: r ‖ s ‖ yParity, low s. */
  sign(digest: Hash): Signature;
}

/** A signer over a raw 32-byte private key; the key does not show in logs or JSON. */
export function createSigner(address: Address, privateKey: Bytes): Signer {
  return { address, sign: (digest) => signDigest(digest, privateKey) };
}

/**
 * Checks that one of `signers` signed `digest`, and says which.
 * @throws StrobeError INVALID_SIGNATURE, UNKNOWN_SIGNER
 */
export function assertSignedBy(digest: Hash, signature: Signature, signers: readonly Address[]): Address {
  const address = recoverAddress(digest, signature);
  const signer = signers.find((candidate) => bytesEqual(candidate, address));
  if (signer === undefined) throw new StrobeError('UNKNOWN_SIGNER', 'the signer is not one of the configured keys');
  return signer;
}
