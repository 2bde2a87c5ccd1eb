import { type Bytes, EMPTY_BYTES } from '../util/bytes.ts';

/**
 * The tables of the database by the first byte of their keys, append-only: a number once given keeps its meaning.
 * Numbers in keys and values are big-endian, so that keys sort by them: block and mini-block numbers have 6 bytes.
 */
export const TABLE = {
  /** name -> value, see meta-repository.ts */
  meta: 0,
  /** block number -> block record, see block-record.ts */
  blocks: 1,
  /** mini-block number -> transactionsDigest (32), receiptsDigest (32), body payload */
  bodies: 2,
  /** block hash -> block number */
  blockNumbers: 3,
  /** transaction hash -> block number, transaction index (4) */
  transactions: 4,
  /** block number, prover address -> attestation */
  attestations: 5,
  /** block number -> nothing: the block's root was checked by its witness */
  rootVerified: 6,
  /** block number -> DA commitment (32) */
  daCommitments: 7,
  // 8 to 11 were flat state and registry rows in format 1: they live in snapshots now.
  /** block number -> canonical bytes of the block's net diff, until its root is verified; when there is no room for it in memory */
  blockDiffs: 12,
} as const;

type Table = (typeof TABLE)[keyof typeof TABLE];

export const NUMBER_BYTES = 6;

export function writeNumber(target: Bytes, value: number, offset: number): void {
  Buffer.from(target.buffer, target.byteOffset, target.length).writeUIntBE(value, offset, NUMBER_BYTES);
}

export function readNumber(bytes: Bytes, offset = 0): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readUIntBE(offset, NUMBER_BYTES);
}

/** No block gets there: at a hundred a second it takes ninety thousand years. */
const LAST_NUMBER = 2 ** (8 * NUMBER_BYTES) - 1;

/** Key of a row that belongs to a block or mini-block. Whoever asks for a number that no key can hold finds nothing. */
export function numberKey(table: Table, number: number, suffix: Bytes = EMPTY_BYTES): Bytes {
  const key = new Uint8Array(1 + NUMBER_BYTES + suffix.length);
  key[0] = table;
  writeNumber(key, Math.min(number, LAST_NUMBER), 1);
  key.set(suffix, 1 + NUMBER_BYTES);
  return key;
}

/** Key of a row found by a hash, an address or a name. */
export function bytesKey(table: Table, bytes: Bytes): Bytes {
  const key = new Uint8Array(1 + bytes.length);
  key[0] = table;
  key.set(bytes, 1);
  return key;
}

/** Bounds of every key that begins with `prefix`. */
export function rangeOf(prefix: Bytes): { readonly gte: Bytes; readonly lt: Bytes } {
  const end = prefix.slice();
  let last = end.length - 1;
  while (last > 0 && end[last] === 0xff) last--;
  end[last] = (end[last] as number) + 1;
  return { gte: prefix, lt: end.subarray(0, last + 1) };
}
