import { encodeCompactDiff } from '../../src/protocol/compact-diff/encode.ts';
import { rowDiffOf } from '../../src/protocol/compact-diff/row-conversion.ts';
import type { DiffPosition } from '../../src/protocol/diff-codec.ts';
import type { StateRows } from '../../src/protocol/row-diff.ts';
import type { StateDiff } from '../../src/protocol/state-diff.ts';
import type { Bytes } from '../../src/util/bytes.ts';

/** The payload of a canonical diff. */
export function encodeDiff(diff: StateDiff, rows: StateRows, position: DiffPosition): Bytes {
  return encodeCompactDiff(rowDiffOf(diff, rows), rows, position);
}
