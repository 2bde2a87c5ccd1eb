import { setImmediate } from 'node:timers/promises';
import { type BlockEnvironment, type BlockHeader, hashHeader } from '../protocol/block-header.ts';
import { decodeLogRecord } from '../protocol/log-record.ts';
import type { BodyTransaction, MiniBlock, RawBody } from '../protocol/mini-block.ts';
import type { AppliedMiniBlock, Block, IndexedTransaction } from '../protocol/ports/chain.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { Hash } from '../protocol/primitives.ts';
import { decodeReceipt } from '../protocol/receipt.ts';
import { decodeTransaction } from '../protocol/transaction.ts';
import { type Bytes, bytesEqual, toKey } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import type { BlockRecord } from './block-record.ts';
import type { BlockRepository } from './block-repository.ts';
import { BLOCK_START, type BlockPosition, ChainTransaction, indexTransactions, positionsIn } from './indexed-transaction.ts';

/** Transactions of the bodies that are kept: about 40 MB, some seconds of full load. */
const MAX_BODY_TRANSACTIONS = 50_000;

interface StoredBody {
  readonly body: RawBody;
  /** Where each of its transactions starts in the block. */
  readonly positions: readonly BlockPosition[];
}

/** Reads sealed blocks from the database, decoding only what is asked for. */
export class BlockReader {
  /** Bodies read before, oldest first. */
  readonly #bodies = new Map<string, StoredBody>();
  #bodyTransactions = 0;
  readonly #blocks: BlockRepository;
  readonly #log: Pick<MiniBlockLog, 'read'>;

  constructor(modules: { blocks: BlockRepository; log: Pick<MiniBlockLog, 'read'> }) {
    this.#blocks = modules.blocks;
    this.#log = modules.log;
  }

  async block(blockNumber: number): Promise<Block | undefined> {
    const record = await this.#blocks.record(blockNumber);
    return record === undefined ? undefined : this.blockOf(record);
  }

  /** Undefined: it was undone while it was read. */
  async blockOf(record: BlockRecord): Promise<Block | undefined> {
    const { header, firstNumber, lastNumber } = record.seal;
    const transactions = await this.transactionsIn(record, record.starts.keys());
    if (transactions === undefined) return undefined;
    return {
      header,
      hash: hashHeader(header),
      transactions,
      sizeBytes: record.sizeBytes,
      firstMiniBlock: firstNumber,
      lastMiniBlock: lastNumber,
    };
  }

  /**
   * The transactions of some mini-blocks of a block, by their index in it; indexes that it does not have are passed over.
   * Undefined: the block was undone while it was read.
   */
  async transactionsIn(record: BlockRecord, indexes: Iterable<number>): Promise<IndexedTransaction[] | undefined> {
    const transactions: IndexedTransaction[] = [];
    const read = await this.#blocks.unlessUndone(record, async () => {
      for (const index of indexes) {
        if (index >= record.starts.length) continue;
        transactions.push(...(await this.#transactionsOf(record, index)));
        // Decoding a full block takes tens of milliseconds: the mini-block clock gets its turn in between.
        await setImmediate();
      }
      return transactions;
    });
    // What was read last may be of the block that took its place.
    return read === undefined || (await this.#blocks.isUndone(record)) ? undefined : read;
  }

  async transaction(hash: Hash): Promise<IndexedTransaction | undefined> {
    const location = await this.#blocks.locationOf(hash);
    if (location === undefined) return undefined;
    const record = await this.#blocks.record(location.blockNumber);
    if (record === undefined) return undefined;
    const index = record.starts.findLastIndex((start) => start.transactionIndex <= location.transactionIndex);
    const stored = await this.#blocks.unlessUndone(record, () => this.#bodyOf(record, index));
    if (stored === undefined) return undefined;
    const { body, positions } = stored;
    const start = positions.find(({ transactionIndex }) => transactionIndex === location.transactionIndex);
    if (start === undefined) return undefined;
    const at = start.transactionIndex - (positions[0] as BlockPosition).transactionIndex;
    const { raw, sender } = body.transactions[at] as BodyTransaction;
    const transaction = decodeTransaction(raw);
    // Its block was undone behind the look-up, and another one has its number.
    if (!bytesEqual(transaction.hash, hash)) return undefined;
    const receipt = decodeReceipt(body.receipts[at] as Bytes);
    return new ChainTransaction({ transaction, sender, receipt }, placeOf(record, index), start);
  }

  /** A sealed mini-block from the log; undefined when the log does not go back so far. */
  async miniBlock(number: number): Promise<AppliedMiniBlock | undefined> {
    const miniBlock = await this.#readMiniBlock(number);
    if (miniBlock === undefined) return undefined;
    const { blockNumber, index } = miniBlock.envelope;
    const record = await this.#blocks.record(blockNumber);
    const start = record?.starts[index];
    if (record === undefined || start === undefined) return undefined;
    const transactions = await this.#blocks.unlessUndone(record, () => this.#transactionsOf(record, index));
    if (transactions === undefined) return undefined;
    const gasUsed = (transactions.at(-1)?.receipt.cumulativeGasUsed ?? start.gasUsed) - start.gasUsed;
    return { miniBlock, env: environmentOf(record.seal.header), transactions, gasUsed, firstLogIndex: start.logIndex };
  }

  async #readMiniBlock(number: number): Promise<MiniBlock | undefined> {
    try {
      for await (const entry of this.#log.read(number)) {
        if (entry.number !== number) return undefined;
        const record = decodeLogRecord(entry.bytes);
        if (record.kind === 'miniBlock') return record.miniBlock;
      }
    } catch (error) {
      if (!isStrobeError(error, 'LOG_PRUNED')) throw error;
    }
    return undefined;
  }

  async #transactionsOf(record: BlockRecord, index: number): Promise<ChainTransaction[]> {
    const { body } = await this.#bodyOf(record, index);
    const decoded = { transactions: body.transactions, receipts: body.receipts.map(decodeReceipt) };
    return indexTransactions(decoded, undefined, placeOf(record, index), record.starts[index] ?? BLOCK_START).transactions;
  }

  /** Whoever asks for one transaction of a mini-block mostly asks for the others next. */
  async #bodyOf(record: BlockRecord, index: number): Promise<StoredBody> {
    const miniBlockNumber = record.seal.firstNumber + index;
    // By digest, so that a mini-block that was rolled back is never served from here.
    const key = `${miniBlockNumber}/${toKey(record.seal.lastDigest)}`;
    const known = this.#bodies.get(key);
    if (known !== undefined) return known;
    const body = await this.#blocks.body(miniBlockNumber);
    const stored = { body, positions: positionsIn(body.receipts, record.starts[index] ?? BLOCK_START) };
    this.#remember(key, stored);
    return stored;
  }

  #remember(key: string, stored: StoredBody): void {
    if (this.#bodies.has(key)) return;
    this.#bodies.set(key, stored);
    this.#bodyTransactions += stored.positions.length;
    for (const [oldest, dropped] of this.#bodies) {
      if (this.#bodyTransactions <= MAX_BODY_TRANSACTIONS || oldest === key) return;
      this.#bodies.delete(oldest);
      this.#bodyTransactions -= dropped.positions.length;
    }
  }
}

function placeOf({ seal }: BlockRecord, index: number) {
  return { env: environmentOf(seal.header), miniBlockNumber: seal.firstNumber + index, blockHash: hashHeader(seal.header) };
}

/** The environment of a sealed block. */
export function environmentOf(header: BlockHeader): BlockEnvironment {
  const { number, parentHash, timestamp, baseFeePerGas, gasLimit, coinbase, prevRandao } = header;
  return { number, parentHash, timestamp, baseFeePerGas, gasLimit, coinbase, prevRandao };
}
