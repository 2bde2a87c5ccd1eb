import type { Address, Hash } from '../protocol/primitives.ts';
import { type Bytes, fromKey, padTo32 } from '../util/bytes.ts';
import { invalidParams } from './rpc-error.ts';

const MAX_UINT64 = 2n ** 64n - 1n;
const QUANTITY = /^0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})$/;

/** True for a parameter that was not given; clients send `null` for those in the middle. */
export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** DATA of any length. */
export function readData(value: unknown, field: string): Bytes {
  if (typeof value === 'string' && value.startsWith('0x') && value.length % 2 === 0) {
    // Decoding stops at the first wrong character, so the length says whether all were hex.
    const bytes = fromKey(value.slice(2));
    if (bytes.length === value.length / 2 - 1) return bytes;
  }
  throw invalidParams(field, 'expected 0x-prefixed hex of whole bytes');
}

export function readAddress(value: unknown, field: string): Address {
  if (typeof value === 'string' && value.length === 42) return readData(value, field);
  throw invalidParams(field, 'expected a 20-byte address in hex');
}

export function readHash(value: unknown, field: string): Hash {
  if (typeof value === 'string' && value.length === 66) return readData(value, field);
  throw invalidParams(field, 'expected 32 bytes in hex');
}

/** QUANTITY: hex without leading zeros, at most 256 bits. */
export function readQuantity(value: unknown, field: string): bigint {
  if (typeof value === 'string' && QUANTITY.test(value)) return BigInt(value);
  throw invalidParams(field, 'expected a hex quantity without leading zeros, such as 0x1f');
}

/** A QUANTITY of 64 bits. */
export function readUint64(value: unknown, field: string): bigint {
  const quantity = readQuantity(value, field);
  if (quantity > MAX_UINT64) throw invalidParams(field, 'expected at most 64 bits');
  return quantity;
}

/** A QUANTITY that counts something: block numbers, indexes. */
export function readSafeInteger(value: unknown, field: string): number {
  const number = Number(readQuantity(value, field));
  if (Number.isSafeInteger(number)) return number;
  throw invalidParams(field, 'the number is too large');
}

/** The index of something in a block, of up to 64 bits as geth takes it: where nothing is, the answer is null. */
export function readIndex(value: unknown, field = 'index'): number {
  return Number(readUint64(value, field));
}

export function readBoolean(value: unknown, field: string): boolean {
  if (typeof value === 'boolean') return value;
  throw invalidParams(field, 'expected true or false');
}

export function readArray(value: unknown, field: string, maxItems: number): readonly unknown[] {
  if (!Array.isArray(value)) throw invalidParams(field, 'expected an array');
  if (value.length > maxItems) throw invalidParams(field, `at most ${maxItems} entries`);
  return value;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function readObject(value: unknown, field: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw invalidParams(field, 'expected an object');
}

/** Reads with `read` unless the value is absent. */
export function readOptional<T>(value: unknown, field: string, read: (value: unknown, field: string) => T): T | undefined {
  return isAbsent(value) ? undefined : read(value, field);
}

/** A storage slot: hex of at most 32 bytes, whatever its padding (geth's wording, the official cases match on it). */
export function readStorageKey(value: unknown, field: string): Hash {
  if (typeof value !== 'string') throw invalidParams(field, 'expected a storage slot in hex');
  const digits = value.startsWith('0x') ? value.slice(2) : value;
  if (digits.length > 64) throw invalidParams(field, 'storage key too long (want at most 32 bytes)');
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  const bytes = fromKey(even);
  if (bytes.length !== even.length / 2) throw invalidParams(field, 'invalid hex in storage key');
  return padTo32(bytes);
}
