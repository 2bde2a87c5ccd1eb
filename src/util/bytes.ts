import { StrobeError } from './errors.ts';

export type Bytes = Uint8Array;
/** 0x-prefixed lower-case hex. */
export type Hex = `0x${string}`;

export const EMPTY_BYTES: Bytes = new Uint8Array(0);

// What `toString('hex')` calls; on the bytes themselves it needs no Buffer made first, and keys are made by the million.
// Browsers have no Buffer: what src/verified needs of this file works there, too.
const hexSlice =
  typeof Buffer === 'undefined'
    ? undefined
    : (Buffer.prototype as unknown as { hexSlice(this: Bytes, start: number, end: number): string }).hexSlice;

/** Hex without prefix: the key form used in maps. */
export function toKey(bytes: Bytes): string {
  if (hexSlice !== undefined) return hexSlice.call(bytes, 0, bytes.length);
  let key = '';
  for (const byte of bytes) key += byte.toString(16).padStart(2, '0');
  return key;
}

/** Inverse of {@link toKey}; the caller vouches that `key` is even-length hex. */
export function fromKey(key: string): Bytes {
  if (hexSlice === undefined) {
    return Uint8Array.from({ length: key.length / 2 }, (_, i) => Number.parseInt(key.slice(i * 2, i * 2 + 2), 16));
  }
  const buffer = Buffer.from(key, 'hex');
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

export function toHex(bytes: Bytes): Hex {
  return `0x${toKey(bytes)}`;
}

const HEX_PATTERN = /^0x(?:[0-9a-fA-F]{2})*$/;

/** @throws StrobeError INVALID_HEX */
export function fromHex(hex: string): Bytes {
  if (!HEX_PATTERN.test(hex)) throw new StrobeError('INVALID_HEX', 'expected 0x-prefixed hex of whole bytes');
  return fromKey(hex.slice(2));
}

export function bytesEqual(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** UTF-8 bytes of a text. */
export function fromText(text: string): Bytes {
  return new TextEncoder().encode(text);
}

/** Lexicographic order, shorter first on a common prefix. */
export function compareBytes(a: Bytes, b: Bytes): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function concatBytes(...parts: Bytes[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** Up to this many bytes a number holds the value exactly, and making it is ten times faster than parsing hex. */
const MAX_EXACT_BYTES = 6;

export function bytesToBigInt(bytes: Bytes): bigint {
  if (bytes.length <= MAX_EXACT_BYTES) {
    let value = 0;
    for (const byte of bytes) value = value * 256 + byte;
    return BigInt(value);
  }
  return BigInt(toHex(bytes));
}

/** Minimal big-endian bytes; zero is empty. */
export function bigIntToBytes(value: bigint): Bytes {
  if (value === 0n) return EMPTY_BYTES;
  const hex = value.toString(16);
  return fromKey(hex.length % 2 === 0 ? hex : `0${hex}`);
}

/** Big-endian, left-padded to 32 bytes. */
export function bigIntToBytes32(value: bigint): Bytes {
  return fromKey(value.toString(16).padStart(64, '0'));
}

/** Left-pads to 32 bytes. */
export function padTo32(bytes: Bytes): Bytes {
  if (bytes.length === 32) return bytes;
  const out = new Uint8Array(32);
  out.set(bytes, 32 - bytes.length);
  return out;
}

/** Without leading zero bytes (a view of the same memory). */
export function trimLeadingZeros(bytes: Bytes): Bytes {
  let start = 0;
  while (start < bytes.length && bytes[start] === 0) start++;
  return start === 0 ? bytes : bytes.subarray(start);
}

export function isZeroBytes(bytes: Bytes): boolean {
  for (const byte of bytes) if (byte !== 0) return false;
  return true;
}
