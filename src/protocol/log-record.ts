import { type Bytes, concatBytes } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { decodeCheckedMiniBlock, decodeMiniBlock, encodeMiniBlock, type MiniBlock } from './mini-block.ts';
import {
  type BlockSeal,
  decodeBlockSeal,
  decodeEpochStart,
  decodeHeartbeat,
  type EpochStart,
  encodeBlockSeal,
  encodeEpochStart,
  encodeHeartbeat,
  type Heartbeat,
} from './sequencer-messages.ts';

/**
 * What the sequencer says, by its first byte: the same bytes are signed, logged, gossiped and served to peers.
 * Append-only: 1 mini-block, 2 epoch start, 3 block seal, 4 heartbeat (2026-11).
 */
export type SequencerMessage =
  | { readonly kind: 'miniBlock'; readonly miniBlock: MiniBlock }
  | { readonly kind: 'epochStart'; readonly epochStart: EpochStart }
  | { readonly kind: 'blockSeal'; readonly blockSeal: BlockSeal }
  | { readonly kind: 'heartbeat'; readonly heartbeat: Heartbeat };

/** The messages that lie in the log; a heartbeat leaves no trace. */
export type LogRecord = Exclude<SequencerMessage, { kind: 'heartbeat' }>;

const KIND = { miniBlock: 1, epochStart: 2, blockSeal: 3, heartbeat: 4 } as const;

/** True for the bytes of a mini-block. */
export function isMiniBlockRecord(bytes: Bytes): boolean {
  return bytes[0] === KIND.miniBlock;
}

export function encodeSequencerMessage(message: SequencerMessage): Bytes {
  return concatBytes(Uint8Array.of(KIND[message.kind]), encodePayload(message));
}

function encodePayload(message: SequencerMessage): Bytes {
  switch (message.kind) {
    case 'miniBlock':
      return encodeMiniBlock(message.miniBlock);
    case 'epochStart':
      return encodeEpochStart(message.epochStart);
    case 'blockSeal':
      return encodeBlockSeal(message.blockSeal);
    case 'heartbeat':
      return encodeHeartbeat(message.heartbeat);
  }
}

/**
 * Decodes one message; signatures are the caller's to check. Views of `bytes` stay in the result.
 * @throws StrobeError UNKNOWN_MESSAGE and the codes of the message decoders
 */
export function decodeSequencerMessage(bytes: Bytes): SequencerMessage {
  const payload = bytes.subarray(1);
  switch (bytes[0]) {
    case KIND.miniBlock:
      return { kind: 'miniBlock', miniBlock: decodeMiniBlock(payload) };
    case KIND.epochStart:
      return { kind: 'epochStart', epochStart: decodeEpochStart(payload) };
    case KIND.blockSeal:
      return { kind: 'blockSeal', blockSeal: decodeBlockSeal(payload) };
    case KIND.heartbeat:
      return { kind: 'heartbeat', heartbeat: decodeHeartbeat(payload) };
    default:
      throw new StrobeError('UNKNOWN_MESSAGE', 'unknown kind of sequencer message', { kind: bytes[0] ?? null });
  }
}

/** The mini-block of a record that this node has checked before, see {@link decodeCheckedMiniBlock}. */
export function miniBlockOfRecord(bytes: Bytes): MiniBlock {
  return decodeCheckedMiniBlock(bytes.subarray(1));
}

/** @throws StrobeError UNKNOWN_MESSAGE for a heartbeat, else as {@link decodeSequencerMessage} */
export function decodeLogRecord(bytes: Bytes): LogRecord {
  const message = decodeSequencerMessage(bytes);
  if (message.kind === 'heartbeat') throw new StrobeError('UNKNOWN_MESSAGE', 'a heartbeat does not belong in the log');
  return message;
}

/**
 * Position of a record in the log: mini-block numbers, a seal right behind its last mini-block, an epoch start right
 * behind the mini-block it continues from.
 */
export function recordNumber(record: LogRecord): number {
  switch (record.kind) {
    case 'miniBlock':
      return record.miniBlock.envelope.number;
    case 'epochStart':
      return record.epochStart.lastNumber;
    case 'blockSeal':
      return record.blockSeal.lastNumber;
  }
}
