import { decodeCompactDiff } from './compact-diff/decode.ts';
import { encodeCompactDiff } from './compact-diff/encode.ts';
import { rowDiffOf } from './compact-diff/row-conversion.ts';
import type { DiffCodec } from './diff-codec.ts';
import type { StateRows } from './row-diff.ts';
import { canonicalBytes, canonicalDigest } from './row-diff-canonical.ts';

/** The compact form of state diffs beside the state whose rows these are. */
export function createCompactCodec(rows: StateRows): DiffCodec {
  return {
    resolve: (diff) => rowDiffOf(diff, rows),
    encode: (diff, position) => encodeCompactDiff(diff, rows, position),
    decode: (payload, position) => decodeCompactDiff(payload, rows, position),
    canonicalBytes: (diff) => canonicalBytes(diff, rows),
    digest: (diff) => canonicalDigest(diff, rows),
  };
}
