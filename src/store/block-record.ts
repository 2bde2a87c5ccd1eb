import { asBigInt, asBytes, asList, asNumber, decodeRlp, encodeRlp, fromNumber } from '../protocol/rlp.ts';
import { type BlockSeal, decodeBlockSeal, encodeBlockSeal } from '../protocol/sequencer-messages.ts';
import type { Bytes } from '../util/bytes.ts';
import type { BlockPosition } from './indexed-transaction.ts';

/** What the database keeps of a sealed block besides its mini-blocks' bodies. */
export interface BlockRecord {
  readonly seal: BlockSeal;
  /** See Block.sizeBytes. */
  readonly sizeBytes: number;
  /** Where each mini-block starts, so that one of them can be read without the others. */
  readonly starts: readonly BlockPosition[];
}

export function encodeBlockRecord({ seal, sizeBytes, starts }: BlockRecord): Bytes {
  return encodeRlp([
    encodeBlockSeal(seal),
    fromNumber(sizeBytes),
    starts.map((start) => [start.transactionIndex, start.gasUsed, start.logIndex].map(fromNumber)),
  ]);
}

/** @throws StrobeError INVALID_RLP, INVALID_HEADER, INVALID_BLOCK_SEAL for a damaged value */
export function decodeBlockRecord(bytes: Bytes): BlockRecord {
  const [seal, sizeBytes, starts] = asList(decodeRlp(bytes), 'block record', 3);
  return {
    seal: decodeBlockSeal(asBytes(seal, 'seal')),
    sizeBytes: asNumber(sizeBytes, 'sizeBytes'),
    starts: asList(starts, 'starts').map((item): BlockPosition => {
      const [transactionIndex, gasUsed, logIndex] = asList(item, 'start', 3);
      return {
        transactionIndex: asNumber(transactionIndex, 'transactionIndex'),
        gasUsed: asBigInt(gasUsed, 'gasUsed', 8),
        logIndex: asNumber(logIndex, 'logIndex'),
      };
    }),
  };
}
