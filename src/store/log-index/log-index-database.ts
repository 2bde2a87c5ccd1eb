import type { Hash } from '../../protocol/primitives.ts';
import { type Bytes, bytesEqual, concatBytes, fromText } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { type LevelBatch, type LevelDatabase, openLevel } from '../level-database.ts';
import { NUMBER_BYTES, readNumber, writeNumber } from '../tables.ts';
import { LOG_KEY_BYTES, type LogKey } from './log-key.ts';

/** Of rows and meta; another one is thrown away and built again. Append-only: 1 (2026-11): first. */
const FORMAT_VERSION = 1;

/** First byte of a key. */
const TABLE = { meta: 0, postings: 1 } as const;

/**
 * Blocks of one era, by which keys sort first: what is pruned is a range of keys then, and what is written lies together.
 * Over an hour of blocks, so that the largest range of a query spans a few.
 */
export const ERA_BLOCKS = 4_096;

const ERA_OFFSET = 1;
const KEY_OFFSET = ERA_OFFSET + 4;
const BLOCK_OFFSET = KEY_OFFSET + LOG_KEY_BYTES;
const POSTING_KEY_BYTES = BLOCK_OFFSET + 2;

/** The mini-blocks of a block that have a log with some key, by their index in the block, ascending. */
export interface Posting {
  readonly blockNumber: number;
  readonly miniBlocks: readonly number[];
}

/** Blocks that are indexed, both inclusive; none when `last` lies below `first`. */
export interface IndexedBlocks {
  readonly first: number;
  readonly last: number;
}

export function eraOf(blockNumber: number): number {
  return Math.floor(blockNumber / ERA_BLOCKS);
}

/**
 * Rows of the log index, in a LevelDB of their own that several threads open: they follow from the stored blocks, and
 * what is lost or doubtful of them is made again.
 *
 * Row: era (4), key (9), block within the era (2) -> indexes of mini-blocks (2 each).
 */
export class LogIndexDatabase {
  readonly #database: LevelDatabase;

  constructor(database: LevelDatabase) {
    this.#database = database;
  }

  /** @throws StrobeError LOCKED, DATABASE_FAILED */
  static async open(directory: string): Promise<LogIndexDatabase> {
    return new LogIndexDatabase(await openLevel(directory, { multithreading: true }));
  }

  /** Postings of `key` within one era, from a block on. The caller closes the iterator. */
  postings(key: LogKey, fromBlock: number, toBlock: number) {
    return this.#database.iterator({ gte: postingKey(key, fromBlock), lte: postingKey(key, toBlock) });
  }

  batch(): LevelBatch {
    return this.#database.batch();
  }

  /** What was indexed of this chain, undefined when nothing was or another program wrote it. */
  async indexed(genesisHash: Hash): Promise<IndexedBlocks | undefined> {
    const value = await this.#database.get(META_KEY);
    if (value === undefined || value[0] !== FORMAT_VERSION) return undefined;
    if (!bytesEqual(value.subarray(1, 33), genesisHash)) return undefined;
    return { first: readNumber(value, 33), last: readNumber(value, 33 + NUMBER_BYTES) };
  }

  /** Rows of eras below `era` go; those of the blocks in it stay. */
  async dropErasBelow(era: number): Promise<void> {
    await this.#database.clear({ gte: eraKey(0), lt: eraKey(era) });
  }

  async clear(): Promise<void> {
    await this.#database.clear();
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

const META_KEY = concatBytes(Uint8Array.of(TABLE.meta), fromText('indexed'));

export function putIndexed(batch: LevelBatch, genesisHash: Hash, { first, last }: IndexedBlocks): void {
  const value = new Uint8Array(33 + 2 * NUMBER_BYTES);
  value[0] = FORMAT_VERSION;
  value.set(genesisHash, 1);
  writeNumber(value, first, 33);
  writeNumber(value, last, 33 + NUMBER_BYTES);
  batch.put(META_KEY, value);
}

export function putPosting(batch: LevelBatch, key: LogKey, { blockNumber, miniBlocks }: Posting): void {
  const value = new Uint8Array(2 * miniBlocks.length);
  const view = new DataView(value.buffer);
  for (const [i, index] of miniBlocks.entries()) view.setUint16(2 * i, index);
  batch.put(postingKey(key, blockNumber), value);
}

/** @throws StrobeError DATABASE_FAILED for a damaged row */
export function decodePosting(key: Bytes, value: Bytes): Posting {
  if (key.length !== POSTING_KEY_BYTES || value.length % 2 !== 0) {
    throw new StrobeError('DATABASE_FAILED', 'a row of the log index is damaged: remove its directory, it is built again');
  }
  const place = new DataView(key.buffer, key.byteOffset, key.length);
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  return {
    blockNumber: place.getUint32(ERA_OFFSET) * ERA_BLOCKS + place.getUint16(BLOCK_OFFSET),
    miniBlocks: Array.from({ length: value.length / 2 }, (_, i) => view.getUint16(2 * i)),
  };
}

function postingKey(key: LogKey, blockNumber: number): Bytes {
  const row = new Uint8Array(POSTING_KEY_BYTES);
  const view = new DataView(row.buffer);
  const era = eraOf(blockNumber);
  row[0] = TABLE.postings;
  view.setUint32(ERA_OFFSET, era);
  row.set(key, KEY_OFFSET);
  view.setUint16(BLOCK_OFFSET, blockNumber - era * ERA_BLOCKS);
  return row;
}

function eraKey(era: number): Bytes {
  const key = new Uint8Array(KEY_OFFSET);
  key[0] = TABLE.postings;
  new DataView(key.buffer).setUint32(ERA_OFFSET, era);
  return key;
}
