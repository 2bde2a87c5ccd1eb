import type { Bytes } from './bytes.ts';
import { hashes, hashInput, hashOutput } from './hashes-module.ts';

const DIGEST_BYTES = 8;

/** XXH64 of the parts in a row, seed 0, big-endian: quick, and no defence against anybody. */
export function xxHash64(parts: Iterable<Bytes>): Bytes {
  let filled = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      const count = Math.min(hashInput.length - filled, part.length - at);
      hashInput.set(part.subarray(at, at + count), filled);
      at += count;
      filled += count;
      if (filled < hashInput.length) continue;
      hashes.xxHash64Fill();
      filled = 0;
    }
  }
  hashes.xxHash64End(filled);
  return hashOutput.slice(0, DIGEST_BYTES);
}
