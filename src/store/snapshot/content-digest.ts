import type { Hash } from '../../protocol/primitives.ts';
import { encodeRlp, fromNumber } from '../../protocol/rlp.ts';
import { fromText } from '../../util/bytes.ts';
import { keccak256 } from '../../util/keccak.ts';
import type { SnapshotManifest } from './snapshot-types.ts';

const TAG = fromText('strobe/snapshot-content/1');

/**
 * What snapshots of one block have in common, whoever wrote them: block, registry and chunks. Left out is what differs
 * without harm: the time of writing, how many headers lie in front, and epochs that opened behind the block.
 */
export function contentDigest({ blockHash, mark, chunks }: SnapshotManifest): Hash {
  return keccak256(
    encodeRlp([
      TAG,
      blockHash,
      [fromNumber(mark.accounts), fromNumber(mark.slots), mark.digest],
      chunks.map(({ length, hash }) => [fromNumber(length), hash]),
    ]),
  );
}
