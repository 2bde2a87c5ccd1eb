import type { Bytes } from '../util/bytes.ts';

/** Bytes of an RLP string or list prefix in front of `length` bytes (of more than one byte). */
function prefixBytes(length: number): number {
  if (length <= 55) return 1;
  let bytes = 1;
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes++;
  return bytes;
}

/** RLP bytes of a transaction in a block body: a legacy one is a list already, a typed one a byte string. */
export function transactionSize(raw: Bytes): number {
  return (raw[0] as number) >= 0xc0 ? raw.length : prefixBytes(raw.length) + raw.length;
}

/** RLP bytes of a block: header, transactions of `transactionBytes` in all, an empty ommer and withdrawal list. */
export function blockSize(headerBytes: number, transactionBytes: number): number {
  const content = headerBytes + prefixBytes(transactionBytes) + transactionBytes + 2;
  return prefixBytes(content) + content;
}
