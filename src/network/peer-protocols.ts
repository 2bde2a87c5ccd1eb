import type { PeerHead } from '../protocol/ports/network.ts';
import { type Bytes, concatBytes } from '../util/bytes.ts';
import { networkError } from './network-errors.ts';

/** Stream protocols between peers; the number is the version of the frames. */
export const peerProtocols = (prefix: string) =>
  ({ head: `${prefix}/head/1`, range: `${prefix}/range/1`, witness: `${prefix}/witness/1` }) as const;

export type PeerProtocol = keyof ReturnType<typeof peerProtocols>;

/** Largest request frame: the range request. */
export const MAX_REQUEST_BYTES = 12;

/**
 * First frame of a range or witness answer, one byte. Append-only: 0 data frames follow, 1 the range starts above
 * this peer's head, 2 not kept here.
 */
export const ANSWER = { data: 0, upToDate: 1, notKept: 2 } as const;
export type Answer = (typeof ANSWER)[keyof typeof ANSWER];

export const encodeAnswer = (answer: Answer): Bytes => Uint8Array.of(answer);

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodeAnswer(frame: Bytes | undefined): Answer {
  const answer = Object.values(ANSWER).find((value) => frame?.length === 1 && value === frame[0]);
  if (answer === undefined) throw violation('not an answer');
  return answer;
}

/** `[epoch u64, number u64, digest 32]` */
export function encodeHead(head: PeerHead): Bytes {
  return concatBytes(encodeUint64(head.epoch), encodeUint64(head.number), head.digest);
}

const HEAD_BYTES = 48;

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodeHead(frame: Bytes | undefined): PeerHead {
  if (frame?.length !== HEAD_BYTES) throw violation('not a head');
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
