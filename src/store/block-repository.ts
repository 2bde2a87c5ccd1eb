import { decodeRawBody, type MiniBlock, type RawBody } from '../protocol/mini-block.ts';
import type { Block } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { type Bytes, concatBytes } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { type BlockRecord, decodeBlockRecord, encodeBlockRecord } from './block-record.ts';
import type { LevelBatch, LevelDatabase } from './level-database.ts';
import { bytesKey, NUMBER_BYTES, numberKey, readNumber, TABLE, writeNumber } from './tables.ts';
import type { WritePacer } from './write-pacer.ts';

export interface TransactionLocation {
  readonly blockNumber: number;
  readonly transactionIndex: number;
}

/** Rows read at once while scanning a range: bounds memory and the time between two turns of the event loop. */
const RECORDS_PER_READ = 64;

/** Sealed blocks: records, bodies and the indexes by hash. */
export class BlockRepository {
  readonly #database: LevelDatabase;

  constructor(database: LevelDatabase) {
    this.#database = database;
  }

  async put(
    batch: LevelBatch,
    block: { record: BlockRecord; hash: Hash; miniBlocks: readonly MiniBlock[]; transactionHashes: Iterable<Hash> },
    pacer: WritePacer,
  ): Promise<void> {
    const { number } = block.record.seal.header;
    const location = new Uint8Array(NUMBER_BYTES + 4);
    writeNumber(location, number, 0);
    batch.put(numberKey(TABLE.blocks, number), encodeBlockRecord(block.record));
    batch.put(bytesKey(TABLE.blockNumbers, block.hash), location.subarray(0, NUMBER_BYTES));
    for (const { envelope, bodyPayload } of block.miniBlocks) {
      const body = concatBytes(envelope.transactionsDigest, envelope.receiptsDigest, bodyPayload);
      batch.put(numberKey(TABLE.bodies, envelope.number), body);
    }
    const view = new DataView(location.buffer);
    let index = 0;
    for (const hash of block.transactionHashes) {
      view.setUint32(NUMBER_BYTES, index++);
      batch.put(bytesKey(TABLE.transactions, hash), location);
      if (pacer.isDue()) await pacer.yield();
    }
  }

  async remove(
    batch: LevelBatch,
    removed: { block: Block; transactionHashes: Iterable<Hash> },
    pacer: WritePacer,
  ): Promise<void> {
    const { header, hash: blockHash, firstMiniBlock, lastMiniBlock } = removed.block;
    batch.del(numberKey(TABLE.blocks, header.number));
    batch.del(bytesKey(TABLE.blockNumbers, blockHash));
    for (let number = firstMiniBlock; number <= lastMiniBlock; number++) batch.del(numberKey(TABLE.bodies, number));
    for (const hash of removed.transactionHashes) {
      batch.del(bytesKey(TABLE.transactions, hash));
      if (pacer.isDue()) await pacer.yield();
    }
  }

  async record(blockNumber: number): Promise<BlockRecord | undefined> {
    const value = await this.#database.get(numberKey(TABLE.blocks, blockNumber));
    return value === undefined ? undefined : decodeBlockRecord(value);
  }

  /** Records of the blocks `first` to `last`, both inclusive. */
  async *records(first: number, last: number): AsyncGenerator<BlockRecord, void, undefined> {
    const range = { gte: numberKey(TABLE.blocks, first), lte: numberKey(TABLE.blocks, last) };
    const iterator = this.#database.values(range);
    try {
      for (;;) {
        const values = await iterator.nextv(RECORDS_PER_READ);
        if (values.length === 0) return;
        for (const value of values) yield decodeBlockRecord(value);
      }
    } finally {
      await iterator.close();
    }
  }

  /** @throws StrobeError DATABASE_FAILED when the body of a stored block is not there */
  async body(miniBlockNumber: number): Promise<RawBody> {
    const value = await this.#database.get(numberKey(TABLE.bodies, miniBlockNumber));
    if (value === undefined) {
      throw new StrobeError('DATABASE_FAILED', 'the body of a sealed mini-block is missing', { miniBlockNumber });
    }
    const digests = { transactionsDigest: value.subarray(0, 32), receiptsDigest: value.subarray(32, 64) };
    return decodeRawBody(value.subarray(64), digests);
  }

  async numberOf(blockHash: Hash): Promise<number | undefined> {
    const value = await this.#database.get(bytesKey(TABLE.blockNumbers, blockHash));
    return value === undefined ? undefined : readNumber(value);
  }

  async locationOf(transactionHash: Hash): Promise<TransactionLocation | undefined> {
    const value: Bytes | undefined = await this.#database.get(bytesKey(TABLE.transactions, transactionHash));
    if (value === undefined) return undefined;
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    return { blockNumber: readNumber(value), transactionIndex: view.getUint32(NUMBER_BYTES) };
  }
}
