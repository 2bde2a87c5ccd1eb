import { keccak256 } from '../util/keccak.ts';
import { decodeCompactDiff } from './compact-diff/decode.ts';
import { encodeCompactDiff } from './compact-diff/encode.ts';
import type { DiffCodec } from './diff-codec.ts';
import type { StateRows } from './row-diff.ts';
import { canonicalBytes } from './row-diff-canonical.ts';

/** The compact form of state diffs beside the state whose rows these are. */
export function createCompactCodec(rows: StateRows): DiffCodec {
  return {
    encode: (diff, position) => encodeCompactDiff(diff, rows, position),
    decode: (payload, position) => decodeCompactDiff(payload, rows, position),
    digest: (diff) => keccak256(canonicalBytes(diff, rows)),
  };
}
