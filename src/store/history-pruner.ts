import { type BlockHeader, hashHeader } from '../protocol/block-header.ts';
import { decodeLogRecord } from '../protocol/log-record.ts';
import type { ChainReader } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { isStrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { Wakeup } from '../util/wakeup.ts';
import type { BlockRecord } from './block-record.ts';
import type { ChainDatabase } from './chain-database.ts';
import type { SegmentLog } from './segment-log.ts';
import { TimeSlice } from './time-slice.ts';

export interface HistoryPrunerOptions {
  /** Newest sealed blocks that stay, at least {@link MIN_KEPT_BLOCKS} whatever this says; 0: all of them. */
  readonly keepBlocks: number;
}

/** Where the chain begins here. What is stored up to there may be of a branch that was given up for a snapshot. */
interface ChainBase {
  readonly header: Pick<BlockHeader, 'number'>;
  readonly lastMiniBlock: number;
}

export interface HistoryPrunerModules {
  readonly database: Pick<ChainDatabase, 'blocks' | 'verification' | 'write'>;
  readonly chain: Pick<ChainReader, 'head' | 'finalizedNumber' | 'subscribe'> & { readonly base: ChainBase };
  readonly log: Pick<SegmentLog, 'firstNumber' | 'read'>;
  /** The mark of the oldest block was raised. */
  readonly onPruned?: (oldestBlock: number) => void;
}

/** BLOCKHASH looks back 256 blocks, calls on older state stand 128 blocks below the head; the rest is room. */
export const MIN_KEPT_BLOCKS = 512;

/** Rows of the index deleted in one batch: a seal that waits for its turn waits a few milliseconds. */
const HASHES_PER_BATCH = 1_000;

/**
 * The oldest block to keep. The finalized block itself stays, since finality goes on from it, and so does everything
 * while none is final.
 */
export function oldestToKeep(head: number, finalized: number | undefined, keepBlocks: number): number {
  if (keepBlocks === 0) return 1;
  return Math.max(1, Math.min(head - Math.max(keepBlocks, MIN_KEPT_BLOCKS) + 1, finalized ?? 0));
}

/**
 * Removes old blocks from the database in the background. First the mark of the oldest block moves, and readers know
 * no block below it any more; then the rows behind it go, block by block with the record last. So whatever a crash
 * leaves is finished by the next run. Attestations stay as long as the log has their block, for peers that sync from it.
 */
export class HistoryPruner {
  readonly #options: HistoryPrunerOptions;
  readonly #modules: HistoryPrunerModules;
  readonly #wakeup = new Wakeup();
  readonly #slice = new TimeSlice();
  /** The lowest block that may have rows; undefined until the first look. */
  #next: number | undefined;
  /** Attestations below this block are gone. */
  #attestationsFrom = 0;
  #logStart: { readonly number: number; readonly block: number } | undefined;

  constructor(options: HistoryPrunerOptions, modules: HistoryPrunerModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** Prunes until `signal` aborts. @throws StrobeError CHAIN_STORE_FAILED and what the database throws */
  async run(signal: AbortSignal): Promise<void> {
    const unsubscribe = this.#modules.chain.subscribe(({ kind }) => {
      if (kind === 'finalized' || kind === 'block') this.#wakeup.wake();
    });
    try {
      while (!signal.aborted) {
        await this.pruneReady(signal);
        await this.#wakeup.wait(signal);
      }
    } finally {
      unsubscribe();
    }
  }

  /** Removes everything that may go by now, and what an earlier run left. */
  async pruneReady(signal: AbortSignal): Promise<void> {
    const { blocks } = this.#modules.database;
    await this.#raiseMark();
    const oldest = await blocks.oldest();
    this.#next ??= (await blocks.lowestStored()) ?? oldest;
    this.#slice.restart();
    while (this.#next < oldest) {
      const record = await blocks.storedRecord(this.#next);
      if (record !== undefined) await this.#removeBlock(record, signal);
      if (signal.aborted) return;
      this.#next++;
    }
    await this.#clearAttestations(Math.min(this.#next, oldest));
  }

  async #raiseMark(): Promise<void> {
    const { chain, database } = this.#modules;
    const oldest = oldestToKeep(chain.head().header.number, chain.finalizedNumber(), this.#options.keepBlocks);
    if (oldest <= (await database.blocks.oldest())) return;
    await database.write((batch) => database.blocks.putOldest(batch, oldest));
    this.#modules.onPruned?.(oldest);
  }

  /** The index rows go first: without the record and the bodies nobody knows them any more. */
  async #removeBlock(record: BlockRecord, signal: AbortSignal): Promise<void> {
    const { database } = this.#modules;
    const { header, firstNumber } = record.seal;
    const lastNumber = this.#lastOwn(record);
    let hashes: Hash[] = [];
    for (let number = firstNumber; number <= lastNumber; number++) {
      const transactions = await database.blocks.rawTransactions(number);
      for (const raw of transactions) {
        if (this.#slice.isOver()) await this.#slice.rest(signal);
        if (signal.aborted) return;
        hashes.push(keccak256(raw));
        if (hashes.length < HASHES_PER_BATCH) continue;
        await this.#removeHashes(hashes, header.number);
        hashes = [];
      }
    }
    await this.#removeHashes(hashes, header.number);
    const block = { header, hash: hashHeader(header), firstMiniBlock: firstNumber, lastMiniBlock: lastNumber };
    await database.write(async (batch, pacer) => {
      await database.blocks.remove(batch, { block, transactionHashes: [] }, pacer);
      database.verification.removeMarks(batch, header.number);
    });
  }

  /** Its last mini-block whose number none of the chain that goes on has. */
  #lastOwn({ seal: { header, lastNumber } }: BlockRecord): number {
    const { base } = this.#modules.chain;
    return header.number > base.header.number ? lastNumber : Math.min(lastNumber, base.lastMiniBlock);
  }

  async #removeHashes(hashes: readonly Hash[], blockNumber: number): Promise<void> {
    const { chain, database } = this.#modules;
    const isOfChain = blockNumber > chain.base.header.number;
    await database.write(async (batch, pacer) => {
      const own = isOfChain ? hashes : await this.#notAgain(hashes);
      await database.blocks.removeHashes(batch, own, pacer);
    });
    this.#slice.restart();
  }

  /** Transactions of a branch that was given up, but for those that came again in the chain that goes on. */
  async #notAgain(hashes: readonly Hash[]): Promise<Hash[]> {
    const { chain, database } = this.#modules;
    const own: Hash[] = [];
    for (const hash of hashes) {
      const location = await database.blocks.locationOf(hash);
      if (location !== undefined && location.blockNumber <= chain.base.header.number) own.push(hash);
    }
    return own;
  }

  async #clearAttestations(removedBelow: number): Promise<void> {
    const end = Math.min(removedBelow, await this.#firstBlockInLog());
    if (end <= this.#attestationsFrom) return;
    await this.#modules.database.verification.clearAttestations(this.#attestationsFrom, end);
    this.#attestationsFrom = end;
  }

  /** The block of the oldest mini-block in the log; above every block when the log is empty. */
  async #firstBlockInLog(): Promise<number> {
    const { log } = this.#modules;
    const number = log.firstNumber();
    if (number === undefined) return Number.POSITIVE_INFINITY;
    if (this.#logStart?.number === number) return this.#logStart.block;
    try {
      for await (const { bytes } of log.read(number)) {
        const record = decodeLogRecord(bytes);
        if (record.kind !== 'miniBlock') continue;
        this.#logStart = { number, block: record.miniBlock.envelope.blockNumber };
        return this.#logStart.block;
      }
    } catch (error) {
      // The log changed its beginning just now: the next pass sees the new one.
      if (!isStrobeError(error, 'LOG_PRUNED') && !isStrobeError(error, 'LOG_CHANGED')) throw error;
    }
    return 0;
  }
}
