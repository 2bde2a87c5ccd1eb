import { createXXHash64 } from 'hash-wasm';
import type { Bytes } from '../../util/bytes.ts';
import type { RowDiff } from '../row-diff.ts';

export const POST_DIGEST_BYTES = 8;

// One WebAssembly instance per thread; init/update/digest run to the end without yielding, so sharing it is safe.
const hasher = await createXXHash64();

type DigestedColumns = Pick<
  RowDiff,
  'accountRows' | 'accountFlags' | 'nonces' | 'balances' | 'codeHashes' | 'slotRows' | 'slotValues'
>;

/**
 * 8 bytes over rows and new values, XXH64 of the columns as they lie in (little-endian) memory: shows that two honest
 * nodes came to different values at the message that did it. It is no defence: payloads are signed and canonical bytes
 * are hashed by keccak256, which alone would take as long as decoding.
 */
export function postDigestOf(diff: DigestedColumns): Bytes {
  hasher.init();
  for (const column of [
    diff.accountRows,
    diff.accountFlags,
    diff.nonces,
    diff.balances,
    diff.codeHashes,
    diff.slotRows,
    diff.slotValues,
  ]) {
    hasher.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
  }
  return hasher.digest('binary');
}
