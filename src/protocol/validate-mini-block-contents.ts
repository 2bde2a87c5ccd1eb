import { bytesEqual } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import type { DiffCodec } from './diff-codec.ts';
import { decodeBody, type MiniBlock, type MiniBlockBody } from './mini-block.ts';
import type { RowDiff } from './row-diff.ts';
import { decodeTransaction, type Transaction } from './transaction.ts';

/** Everything inside a mini-block, decoded and checked against the digests of its envelope. */
export interface MiniBlockContents {
  readonly diff: RowDiff;
  readonly body: MiniBlockBody;
  /** In the body's order. */
  readonly decoded: readonly Transaction[];
}

/**
 * Decodes diff, body and every transaction, so that applying the mini-block cannot fail half-way.
 * @param codec reads the diff beside the state in front of the mini-block
 * @throws StrobeError STATE_DIFF_MISMATCH, INVALID_MINI_BLOCK when the contents are not what was signed; the codes of
 * the decoders when they cannot be read
 */
export function decodeMiniBlockContents(miniBlock: MiniBlock, codec: DiffCodec): MiniBlockContents {
  const { envelope } = miniBlock;
  const diff = decodeDiff(miniBlock, codec);
  const body = decodeBody(miniBlock.bodyPayload, envelope);
  const decoded = body.transactions.map(({ raw }) => decodeTransaction(raw));
  return { diff, body, decoded };
}

/**
 * Reads the diff of a mini-block beside the state in front of it.
 * @throws StrobeError STATE_DIFF_MISMATCH when it is not what was signed; the codec's codes
 */
export function decodeDiff({ envelope, diffPayload }: MiniBlock, codec: DiffCodec): RowDiff {
  const diff = codec.decode(diffPayload, envelope);
  if (bytesEqual(codec.digest(diff), envelope.stateDiffDigest)) return diff;
  throw new StrobeError('STATE_DIFF_MISMATCH', 'the state diff does not match stateDiffDigest', { number: envelope.number });
}
