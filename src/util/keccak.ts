import type { Bytes } from './bytes.ts';
import { hashes, hashInput, hashOutput } from './hashes-module.ts';

/** Keccak-256 as a fresh 32-byte array (0.4 µs for up to 135 bytes, against 4-6 µs for JavaScript and native builds). */
export function keccak256(data: Bytes): Bytes {
  let at = 0;
  for (let end = hashInput.length; end <= data.length; end += hashInput.length) {
    hashInput.set(data.subarray(at, end));
    hashes.keccakFill();
    at = end;
  }
  hashInput.set(at === 0 ? data : data.subarray(at));
  hashes.keccakEnd(data.length - at);
  return new Uint8Array(hashOutput);
}
