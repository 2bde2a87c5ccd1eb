import type { PeerHead, SnapshotOffer } from '../protocol/ports/network.ts';
import type { Hash } from '../protocol/primitives.ts';
import { asBytes, asList, asNumber, decodeRlp, encodeRlp, fromNumber } from '../protocol/rlp.ts';
import { type Bytes, concatBytes, EMPTY_BYTES } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import { networkError } from './network-errors.ts';
import { MAX_BLOCK_ATTESTATIONS } from './network-limits.ts';

/** Stream protocols between peers; the number is the version of the frames. */
export const peerProtocols = (prefix: string) =>
  ({
    head: `${prefix}/head/1`,
    range: `${prefix}/range/1`,
    witness: `${prefix}/witness/1`,
    offers: `${prefix}/offers/1`,
    manifest: `${prefix}/manifest/1`,
    chunk: `${prefix}/chunk/1`,
  }) as const;

export type PeerProtocol = keyof ReturnType<typeof peerProtocols>;

/** Largest request frame: that for a chunk. */
export const MAX_REQUEST_BYTES = 36;

/**
 * First frame of an answer other than of a head or offers, one byte. Append-only: 0 data frames follow, 1 the range
 * starts above this peer's head, 2 not kept here, 3 the asker has used up what it may be sent for now.
 */
export const ANSWER = { data: 0, upToDate: 1, notKept: 2, busy: 3 } as const;
export type Answer = (typeof ANSWER)[keyof typeof ANSWER];

export const encodeAnswer = (answer: Answer): Bytes => Uint8Array.of(answer);

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodeAnswer(frame: Bytes): Answer {
  const answer = Object.values(ANSWER).find((value) => frame.length === 1 && value === frame[0]);
  if (answer === undefined) throw violation('not an answer');
  return answer;
}

/** `[epoch u64, number u64, digest 32]` */
export function encodeHead(head: PeerHead): Bytes {
  return concatBytes(encodeUint64(head.epoch), encodeUint64(head.number), head.digest);
}

const HEAD_BYTES = 48;

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodeHead(frame: Bytes): PeerHead {
  if (frame.length !== HEAD_BYTES) throw violation('not a head');
  return { epoch: decodeUint64(frame, 0), number: decodeUint64(frame, 8), digest: frame.slice(16) };
}
export const MAX_HEAD_FRAME_BYTES = HEAD_BYTES;

/** `[from u64, limit u32]` */
export function encodeRangeRequest(from: number, limit: number): Bytes {
  const limitBytes = new Uint8Array(4);
  new DataView(limitBytes.buffer).setUint32(0, limit);
  return concatBytes(encodeUint64(from), limitBytes);
}

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodeRangeRequest(frame: Bytes | undefined): { from: number; limit: number } {
  if (frame?.length !== 12) throw violation('not a range request');
  return { from: decodeUint64(frame, 0), limit: viewOf(frame).getUint32(8) };
}

/** `[blockNumber u64]` */
export const encodeWitnessRequest = (blockNumber: number): Bytes => encodeUint64(blockNumber);

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodeWitnessRequest(frame: Bytes | undefined): number {
  if (frame?.length !== 8) throw violation('not a witness request');
  return decodeUint64(frame, 0);
}

/** `[contentDigest 32]` */
export const encodeManifestRequest = (contentDigest: Hash): Bytes => contentDigest;

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodeManifestRequest(frame: Bytes | undefined): Hash {
  if (frame?.length !== 32) throw violation('not a manifest request');
  return frame;
}

/** `[contentDigest 32, index u32]` */
export function encodeChunkRequest(contentDigest: Hash, index: number): Bytes {
  const indexBytes = new Uint8Array(4);
  new DataView(indexBytes.buffer).setUint32(0, index);
  return concatBytes(contentDigest, indexBytes);
}

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodeChunkRequest(frame: Bytes | undefined): { contentDigest: Hash; index: number } {
  if (frame?.length !== 36) throw violation('not a chunk request');
  return { contentDigest: frame.slice(0, 32), index: viewOf(frame).getUint32(32) };
}

/** First frame of offers: `[logFirst u64]`, empty when the log is. */
export const encodeLogFirst = (logFirst: number | undefined): Bytes =>
  logFirst === undefined ? EMPTY_BYTES : encodeUint64(logFirst);

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodeLogFirst(frame: Bytes): number | undefined {
  if (frame.length === 0) return undefined;
  if (frame.length !== 8) throw violation('not the beginning of offers');
  return decodeUint64(frame, 0);
}

/** Each further frame of offers: `rlp([blockNumber, blockHash, contentDigest, manifestBytes, [attestation, …]])` */
export function encodeOffer(offer: SnapshotOffer): Bytes {
  const { blockNumber, blockHash, contentDigest, manifestBytes, attestations } = offer;
  return encodeRlp([fromNumber(blockNumber), blockHash, contentDigest, fromNumber(manifestBytes), attestations]);
}

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodeOffer(frame: Bytes): SnapshotOffer {
  try {
    const items = asList(decodeRlp(frame, MAX_BLOCK_ATTESTATIONS + 8), 'offer', 5);
    const [blockNumber, blockHash, contentDigest, manifestBytes, attestations] = items;
    return {
      blockNumber: asNumber(blockNumber, 'blockNumber'),
      blockHash: asBytes(blockHash, 'blockHash', 32),
      contentDigest: asBytes(contentDigest, 'contentDigest', 32),
      manifestBytes: asNumber(manifestBytes, 'manifestBytes'),
      attestations: asList(attestations, 'attestations').map((item) => asBytes(item, 'attestation')),
    };
  } catch (error) {
    if (!isStrobeError(error)) throw error;
    throw violation(`not an offer: ${error.message}`);
  }
}

function encodeUint64(value: number): Bytes {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(value));
  return out;
}

function decodeUint64(bytes: Bytes, offset: number): number {
  const value = viewOf(bytes).getBigUint64(offset);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw violation('a number above 2^53');
  return Number(value);
}

const viewOf = (bytes: Bytes): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

const violation = (what: string) => networkError('PROTOCOL_VIOLATION', what);
