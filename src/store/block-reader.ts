import { setImmediate } from 'node:timers/promises';
import { type BlockEnvironment, type BlockHeader, hashHeader } from '../protocol/block-header.ts';
import type { DiffCodec } from '../protocol/diff-codec.ts';
import { decodeLogRecord } from '../protocol/log-record.ts';
import type { MiniBlock } from '../protocol/mini-block.ts';
import type { AppliedMiniBlock, Block, IndexedTransaction } from '../protocol/ports/chain.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { Hash } from '../protocol/primitives.ts';
import { toKey } from '../util/bytes.ts';
import type { BlockRecord } from './block-record.ts';
import type { BlockRepository } from './block-repository.ts';
import { BLOCK_START, type ChainTransaction, indexTransactions } from './indexed-transaction.ts';

/** Decoded transactions kept: about 50 MB, the mini-blocks of some seconds under full load. */
const MAX_DECODED_TRANSACTIONS = 20_000;

/** Reads sealed blocks from the database, decoding only what is asked for. */
export class BlockReader {
  /** Mini-blocks decoded before, oldest first. */
  readonly #decoded = new Map<string, readonly ChainTransaction[]>();
  #decodedCount = 0;
  readonly #blocks: BlockRepository;
  readonly #log: Pick<MiniBlockLog, 'read'>;
  readonly #codec: DiffCodec;

  constructor(modules: { blocks: BlockRepository; log: Pick<MiniBlockLog, 'read'>; codec: DiffCodec }) {
    this.#blocks = modules.blocks;
    this.#log = modules.log;
    this.#codec = modules.codec;
  }

  async block(blockNumber: number): Promise<Block | undefined> {
    const record = await this.#blocks.record(blockNumber);
    return record === undefined ? undefined : this.blockOf(record);
  }

  async blockOf(record: BlockRecord): Promise<Block> {
    const { header, firstNumber, lastNumber } = record.seal;
    const transactions: ChainTransaction[] = [];
    for (let index = 0; index < record.starts.length; index++) {
      transactions.push(...(await this.#transactionsOf(record, index)));
      // Decoding a full block takes tens of milliseconds: the mini-block clock gets its turn in between.
      await setImmediate();
    }
    return {
      header,
      hash: hashHeader(header),
      transactions,
      sizeBytes: record.sizeBytes,
      firstMiniBlock: firstNumber,
      lastMiniBlock: lastNumber,
    };
  }

  async transaction(hash: Hash): Promise<IndexedTransaction | undefined> {
    const location = await this.#blocks.locationOf(hash);
    if (location === undefined) return undefined;
    const record = await this.#blocks.record(location.blockNumber);
    if (record === undefined) return undefined;
    const index = record.starts.findLastIndex((start) => start.transactionIndex <= location.transactionIndex);
    const transactions = await this.#transactionsOf(record, index);
    return transactions.find(({ transactionIndex }) => transactionIndex === location.transactionIndex);
  }

  /** A sealed mini-block from the log; undefined when the log does not go back so far. */
  async miniBlock(number: number): Promise<AppliedMiniBlock | undefined> {
    const miniBlock = await this.#readMiniBlock(number);
    if (miniBlock === undefined) return undefined;
    const { blockNumber, index } = miniBlock.envelope;
    const record = await this.#blocks.record(blockNumber);
    const start = record?.starts[index];
    if (record === undefined || start === undefined) return undefined;
    const transactions = await this.#transactionsOf(record, index);
    const gasUsed = (transactions.at(-1)?.receipt.cumulativeGasUsed ?? start.gasUsed) - start.gasUsed;
    const diff = this.#codec.decode(miniBlock.diffPayload);
    return { miniBlock, env: environmentOf(record.seal.header), diff, transactions, gasUsed };
  }

  async #readMiniBlock(number: number): Promise<MiniBlock | undefined> {
    for await (const entry of this.#log.read(number)) {
      if (entry.number !== number) return undefined;
      const record = decodeLogRecord(entry.bytes);
      if (record.kind === 'miniBlock') return record.miniBlock;
    }
    return undefined;
  }

  /** Whoever asks for one transaction of a mini-block mostly asks for the others next. */
  async #transactionsOf(record: BlockRecord, index: number): Promise<readonly ChainTransaction[]> {
    const { header, firstNumber } = record.seal;
    const blockHash = hashHeader(header);
    // By hash, so that a rolled back block is never served from here.
    const key = `${toKey(blockHash)}/${index}`;
    const known = this.#decoded.get(key);
    if (known !== undefined) return known;
    const miniBlockNumber = firstNumber + index;
    const body = await this.#blocks.body(miniBlockNumber);
    const place = { env: environmentOf(header), miniBlockNumber, blockHash };
    const { transactions } = indexTransactions(body, undefined, place, record.starts[index] ?? BLOCK_START);
    this.#remember(key, transactions);
    return transactions;
  }

  #remember(key: string, transactions: readonly ChainTransaction[]): void {
    if (this.#decoded.has(key)) return;
    this.#decoded.set(key, transactions);
    this.#decodedCount += transactions.length;
    for (const [oldest, dropped] of this.#decoded) {
      if (this.#decodedCount <= MAX_DECODED_TRANSACTIONS || oldest === key) return;
      this.#decoded.delete(oldest);
      this.#decodedCount -= dropped.length;
    }
  }
}

/** The environment of a sealed block. */
export function environmentOf(header: BlockHeader): BlockEnvironment {
  const { number, parentHash, timestamp, baseFeePerGas, gasLimit, coinbase, prevRandao } = header;
  return { number, parentHash, timestamp, baseFeePerGas, gasLimit, coinbase, prevRandao };
}
