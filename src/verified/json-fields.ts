import { type Bytes, fromHex } from '../util/bytes.ts';
import { verificationFailed } from './verification-error.ts';

/** A JSON object of an answer, before anything in it is known to be right. */
export type JsonObject = Readonly<Record<string, unknown>>;

const QUANTITY = /^0x[0-9a-fA-F]{1,64}$/;

function malformed(field: string): Error {
  return verificationFailed('answer form', `${field} is not what the method answers`, { field });
}

/** @throws StrobeError VERIFICATION_FAILED as all readers here */
export function asObject(value: unknown, field: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(field);
  return value as JsonObject;
}

export function asArray(value: unknown, field: string, maxItems: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > maxItems) throw malformed(field);
  return value;
}

/** DATA, of `length` bytes when that is given. */
export function asData(value: unknown, field: string, length?: number): Bytes {
  if (typeof value !== 'string' || !/^0x(?:[0-9a-fA-F]{2})*$/.test(value)) throw malformed(field);
  const bytes = fromHex(value);
  if (length !== undefined && bytes.length !== length) throw malformed(field);
  return bytes;
}

export function asQuantity(value: unknown, field: string): bigint {
  if (typeof value !== 'string' || !QUANTITY.test(value)) throw malformed(field);
  return BigInt(value);
}

export function asCount(value: unknown, field: string): number {
  const count = Number(asQuantity(value, field));
  if (!Number.isSafeInteger(count)) throw malformed(field);
  return count;
}

/** A proof has one node per nibble of its key at most, and the trie's root. */
const MAX_PROOF_NODES = 66;

export function asNodes(value: unknown, field: string): Bytes[] {
  return asArray(value, field, MAX_PROOF_NODES).map((node) => asData(node, field));
}
