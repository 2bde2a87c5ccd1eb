import { type Bytes, bytesToBigInt } from './bytes.ts';

/** Half of the curve order: signatures with a larger s are malleable twins and refused (EIP-2). */
const HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n;

/** 65 bytes: r (32) ‖ s (32, low) ‖ yParity (0 or 1). */
export type Signature = Bytes;
export const SIGNATURE_BYTES = 65;

/** True when the big-endian 32-byte `s` is above half the curve order. */
export function isHighS(s: Bytes): boolean {
  // The first byte decides nearly always; only the boundary needs the full comparison.
  const first = s[0] as number;
  if (first < 0x7f) return false;
  return bytesToBigInt(s) > HALF_ORDER;
}

/** Joins the parts of a signature that travel apart in transactions: r and s big-endian, at most 32 bytes. */
export function joinSignature(r: Bytes, s: Bytes, yParity: number): Signature {
  const out = new Uint8Array(SIGNATURE_BYTES);
  out.set(r, 32 - r.length);
  out.set(s, 64 - s.length);
  out[64] = yParity;
  return out;
}
