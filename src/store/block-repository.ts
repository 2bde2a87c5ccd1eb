import type { BlockHeader } from '../protocol/block-header.ts';
import { decodeRawBody, type MiniBlock, type RawBody } from '../protocol/mini-block.ts';
import { unpackPayload } from '../protocol/payload.ts';
import type { Block } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { asBytes, asList, decodeRlp } from '../protocol/rlp.ts';
import { type Bytes, bytesEqual, concatBytes } from '../util/bytes.ts';
import { isStrobeError, StrobeError } from '../util/errors.ts';
import { type BlockRecord, decodeBlockRecord, encodeBlockRecord } from './block-record.ts';
import type { LevelBatch, LevelDatabase } from './level-database.ts';
import { MetaRepository } from './meta-repository.ts';
import { bytesKey, NUMBER_BYTES, numberKey, rangeOf, readNumber, TABLE, writeNumber } from './tables.ts';
import type { WritePacer } from './write-pacer.ts';

export interface TransactionLocation {
  readonly blockNumber: number;
  readonly transactionIndex: number;
}

/** What {@link BlockRepository.remove} needs of a block. */
export type RemovedBlock = Pick<Block, 'hash' | 'firstMiniBlock' | 'lastMiniBlock'> & {
  readonly header: Pick<BlockHeader, 'number'>;
};

/** Rows read at once while scanning a range: bounds memory and the time between two turns of the event loop. */
const RECORDS_PER_READ = 64;

/**
 * Sealed blocks: records, bodies and the indexes by hash. Reads know of no block below the oldest one, whether its rows
 * are gone already or not.
 */
export class BlockRepository {
  readonly #database: LevelDatabase;
  readonly #meta: MetaRepository;
  #oldest: number | undefined;

  constructor(database: LevelDatabase) {
    this.#database = database;
    this.#meta = new MetaRepository(database);
  }

  /** The oldest sealed block that is kept, 1 as long as none was pruned; block 0 is not stored. */
  async oldest(): Promise<number> {
    this.#oldest ??= (await this.#meta.number('oldest')) ?? 1;
    return this.#oldest;
  }

  /** Makes `blockNumber` the oldest block for readers, at once. */
  putOldest(batch: LevelBatch, blockNumber: number): void {
    this.#meta.putNumber(batch, 'oldest', blockNumber);
    this.#oldest = blockNumber;
  }

  /** Another thread, which writes the database, has made `blockNumber` the oldest block. */
  noteOldest(blockNumber: number): void {
    this.#oldest = blockNumber;
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
    removed: { block: RemovedBlock; transactionHashes: Iterable<Hash> },
    pacer: WritePacer,
  ): Promise<void> {
    const { header, hash: blockHash, firstMiniBlock, lastMiniBlock } = removed.block;
    batch.del(numberKey(TABLE.blocks, header.number));
    batch.del(bytesKey(TABLE.blockNumbers, blockHash));
    for (let number = firstMiniBlock; number <= lastMiniBlock; number++) batch.del(numberKey(TABLE.bodies, number));
    await this.removeHashes(batch, removed.transactionHashes, pacer);
  }

  /** Removes transactions from the index alone. */
  async removeHashes(batch: LevelBatch, transactionHashes: Iterable<Hash>, pacer: WritePacer): Promise<void> {
    for (const hash of transactionHashes) {
      batch.del(bytesKey(TABLE.transactions, hash));
      if (pacer.isDue()) await pacer.yield();
    }
  }

  async record(blockNumber: number): Promise<BlockRecord | undefined> {
    return blockNumber < (await this.oldest()) ? undefined : this.storedRecord(blockNumber);
  }

  /** As {@link BlockRepository.record}, for whoever removes what lies below the oldest block. */
  async storedRecord(blockNumber: number): Promise<BlockRecord | undefined> {
    const value = await this.#database.get(numberKey(TABLE.blocks, blockNumber));
    return value === undefined ? undefined : decodeBlockRecord(value);
  }

  /** True when a block whose record was read was undone since, whether there is another one in its place or not. */
  async isUndone({ seal: { header, lastDigest } }: BlockRecord): Promise<boolean> {
    const now = await this.storedRecord(header.number);
    return now === undefined ? !(await this.isPruned(header.number)) : !bytesEqual(now.seal.lastDigest, lastDigest);
  }

  /** What is read of a block whose record is known; undefined: some of it was not there, since the block was undone meanwhile. */
  async unlessUndone<Result>(record: BlockRecord, read: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await read();
    } catch (error) {
      if (isStrobeError(error, 'DATABASE_FAILED') && (await this.isUndone(record))) return undefined;
      throw error;
    }
  }

  /** Not as this thread knows it: the mark may have risen just now. */
  async isPruned(blockNumber: number): Promise<boolean> {
    return blockNumber < ((await this.#meta.number('oldest')) ?? 1);
  }

  /** The lowest block that has a record, pruned or not. */
  async lowestStored(): Promise<number | undefined> {
    const [key] = await this.#database.keys({ ...rangeOf(Uint8Array.of(TABLE.blocks)), limit: 1 }).all();
    return key === undefined ? undefined : readNumber(key, 1);
  }

  /** Records of the blocks `first` to `last`, both inclusive. */
  async *records(first: number, last: number): AsyncGenerator<BlockRecord, void, undefined> {
    const oldest = await this.oldest();
    if (Math.max(first, 1) < oldest) throw historyPruned(oldest);
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

  /** @throws StrobeError HISTORY_PRUNED, DATABASE_FAILED when the body of a stored block is not there */
  async body(miniBlockNumber: number): Promise<RawBody> {
    const value = await this.#database.get(numberKey(TABLE.bodies, miniBlockNumber));
    if (value === undefined) throw await this.#missingBody(miniBlockNumber);
    const digests = { transactionsDigest: value.subarray(0, 32), receiptsDigest: value.subarray(32, 64) };
    return decodeRawBody(value.subarray(64), digests);
  }

  /** Whoever found the record just before it was pruned asks for a body that is gone. */
  async #missingBody(miniBlockNumber: number): Promise<StrobeError> {
    // Not as this thread knows it: the mark may have risen just now.
    const oldest = (await this.#meta.number('oldest')) ?? 1;
    const firstKept = (await this.storedRecord(oldest))?.seal.firstNumber ?? 0;
    if (miniBlockNumber < firstKept) return historyPruned(oldest);
    return new StrobeError('DATABASE_FAILED', 'the body of a sealed mini-block is missing', { miniBlockNumber });
  }

  /** The raw transactions of a mini-block, without the checks of {@link BlockRepository.body}; empty when it is not there. */
  async rawTransactions(miniBlockNumber: number): Promise<Bytes[]> {
    const value = await this.#database.get(numberKey(TABLE.bodies, miniBlockNumber));
    if (value === undefined) return [];
    const [transactions] = asList(decodeRlp(unpackPayload(value.subarray(64))), 'body', 2);
    const items = asList(decodeRlp(asBytes(transactions, 'transactions')), 'transactions');
    return items.map((item) => asBytes(asList(item, 'body transaction', 2)[0], 'raw transaction'));
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

/** The answer to whoever needs a block below `oldest`. */
export function historyPruned(oldest: number): StrobeError<'HISTORY_PRUNED'> {
  return new StrobeError('HISTORY_PRUNED', 'pruned history unavailable', { oldest });
}
