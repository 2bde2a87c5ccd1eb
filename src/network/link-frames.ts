import { MAX_TRANSACTION_BYTES } from '../protocol/limits.ts';
import { type Bytes, bigIntToBytes, bytesToBigInt } from '../util/bytes.ts';
import { type ErrorMeta, StrobeError } from '../util/errors.ts';
import { MAX_POOL_PAGE_OVERHEAD_BYTES } from './link-pool.ts';
import { networkError } from './network-errors.ts';

/** Protocol between a replica and the sequencer; the number is the version of the frames. */
export const linkProtocol = (prefix: string): string => `${prefix}/sequencer/1`;

/**
 * A frame is `[kind u8, id u32, body]`. Requests: 1 submit (body: raw transaction), 2 submit that requires readiness,
 * 3 pending nonce (address), 4 pooled transaction (hash), 5 pool counts, 6 pool page (see link-pool.ts), 7 watch the pool
 * (see link-pending.ts). Answers: 16 value, 17 nothing, 18 error (JSON). 19 is no answer: a transaction that entered the
 * watched pool, its id is 0. Append-only.
 */
export const LINK_KIND = {
  submit: 1,
  submitReady: 2,
  pendingNonce: 3,
  pooledTransaction: 4,
  poolCounts: 5,
  poolPage: 6,
  watchPool: 7,
  value: 16,
  nothing: 17,
  error: 18,
  pooled: 19,
} as const;
export type LinkKind = (typeof LINK_KIND)[keyof typeof LINK_KIND];

const HEADER_BYTES = 5;

/** Largest frame: a page of the pool with what is around its transactions. */
export const MAX_LINK_FRAME_BYTES = MAX_TRANSACTION_BYTES + MAX_POOL_PAGE_OVERHEAD_BYTES + HEADER_BYTES;

/** Longest error text that travels, so that a frame stays small whatever the message quotes. */
const MAX_ERROR_TEXT = 1_024;

export interface LinkFrame {
  readonly kind: LinkKind;
  readonly id: number;
  readonly body: Bytes;
}

export function encodeLinkFrame(frame: LinkFrame): Bytes {
  const out = new Uint8Array(HEADER_BYTES + frame.body.length);
  const view = new DataView(out.buffer);
  view.setUint8(0, frame.kind);
  view.setUint32(1, frame.id);
  out.set(frame.body, HEADER_BYTES);
  return out;
}

const KINDS: ReadonlySet<number> = new Set(Object.values(LINK_KIND));

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodeLinkFrame(bytes: Bytes): LinkFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < HEADER_BYTES || !KINDS.has(view.getUint8(0))) {
    throw networkError('PROTOCOL_VIOLATION', 'not a frame of the sequencer protocol');
  }
  return { kind: view.getUint8(0) as LinkKind, id: view.getUint32(1), body: bytes.subarray(HEADER_BYTES) };
}

export const encodeNonce = bigIntToBytes;

/** @throws StrobeError PROTOCOL_VIOLATION above 8 bytes: a nonce is below 2^64 (EIP-2681) */
export function decodeNonce(body: Bytes): bigint {
  if (body.length > 8) throw networkError('PROTOCOL_VIOLATION', 'not a nonce');
  return bytesToBigInt(body);
}

export function encodeLinkError(error: StrobeError): Bytes {
  const { code, message, meta } = error;
  const text = JSON.stringify({ code, message: message.slice(0, MAX_ERROR_TEXT), meta });
  if (text.length <= 4 * MAX_ERROR_TEXT) return new TextEncoder().encode(text);
  return new TextEncoder().encode(JSON.stringify({ code, message: message.slice(0, MAX_ERROR_TEXT) }));
}

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodeLinkError(body: Bytes): StrobeError {
  const json = parseJson(body);
  if (typeof json !== 'object' || json === null) throw notAnError();
  const { code, message, meta } = json as Record<'code' | 'message' | 'meta', unknown>;
  if (typeof code !== 'string' || !/^[A-Z][A-Z0-9_]{0,63}$/.test(code) || typeof message !== 'string') throw notAnError();
  return StrobeError.from({ code, message, meta: toMeta(meta) });
}

function parseJson(body: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw notAnError();
  }
}

/** Only flat values: what the sender puts deeper is not metadata. */
function toMeta(value: unknown): ErrorMeta {
  if (typeof value !== 'object' || value === null) return {};
  const flat = Object.entries(value).filter(([, item]) => item === null || ['string', 'number', 'boolean'].includes(typeof item));
  return Object.fromEntries(flat) as ErrorMeta;
}

const notAnError = () => networkError('PROTOCOL_VIOLATION', 'not an error of the sequencer protocol');
