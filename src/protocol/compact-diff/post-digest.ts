import type { Bytes } from '../../util/bytes.ts';
import { xxHash64 } from '../../util/xxhash64.ts';
import type { RowDiff } from '../row-diff.ts';

export const POST_DIGEST_BYTES = 8;

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
  const columns = [
    diff.accountRows,
    diff.accountFlags,
    diff.nonces,
    diff.balances,
    diff.codeHashes,
    diff.slotRows,
    diff.slotValues,
  ];
  return xxHash64(columns.map((column) => new Uint8Array(column.buffer, column.byteOffset, column.byteLength)));
}
